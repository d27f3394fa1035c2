import { inTurns, systemClock } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

function* counting(seen: number[], steps: number): Generator<void, string, void> {
  for (let step = 1; step <= steps; step++) {
    seen.push(step);
    yield;
  }
  return "done";
}

Deno.test("inTurns() goes on only when the clock has let others in", async () => {
  const clock = new FakeClock();
  const seen: number[] = [];
  const work = inTurns(clock, counting(seen, 3));
  await settle();
  assertEquals([seen, clock.dueIn(0)], [[1], true]);
  await clock.advance(0);
  assertEquals([await work, seen], ["done", [1, 2, 3]]);
  assertEquals(clock.pending, 0);
});

Deno.test("inTurns() takes no turn for work that does not yield", async () => {
  const clock = new FakeClock();
  assertEquals(await inTurns(clock, counting([], 0)), "done");
  assertEquals(clock.pending, 0);
});

Deno.test("inTurns() rejects with what the work throws", async () => {
  const failing = function* (): Generator<void, never, void> {
    yield;
    throw new TypeError("broken");
  };
  await assertRejects(() => inTurns(systemClock(), failing()), TypeError, "broken");
});

Deno.test("inTurns() lets sockets be read between two steps", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const accepted = listener.accept();
  using near = await Deno.connect({ hostname: "127.0.0.1", port });
  using far = await accepted;
  let echoes = 0;
  const end = new AbortController();
  const echoing = (async () => {
    const buffer = new Uint8Array(1);
    while (!end.signal.aborted) {
      await near.write(buffer);
      if (await far.read(buffer) === null) break;
      echoes++;
    }
  })();
  await inTurns(systemClock(), counting([], 50));
  end.abort();
  await echoing;
  assert(echoes >= 25, `${echoes} echoes in 50 turns`);
});
