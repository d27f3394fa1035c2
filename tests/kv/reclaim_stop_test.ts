import { type ByteParts, RouterError } from "../../lib/base/mod.ts";
import type { PrefillFate } from "../../lib/kv/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Adopted, AGAIN, ONCE, ReclaimFixture } from "./reclaim_support.ts";
import { engine, FakeLanding } from "./support.ts";

/** Rejects when the work of `fixture` shall end, as an exchange with an engine does. */
function untilStopped({ background }: ReclaimFixture): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const gone = new RouterError("client-gone", "Aborted");
  background.signal.addEventListener("abort", () => reject(gone), { once: true });
  return promise;
}

/** Bring a transfer to one of the waits; the last of those adopted is the one in question. */
type Bring = (fixture: ReclaimFixture) => Promise<readonly Adopted[]>;

/** All the waits of a transfer, each under its name. */
const WAITS: Readonly<Record<string, Bring>> = {
  "the prefill": async (fixture) => {
    // Its exchange ends with the background, and says that the engine may have worked on it.
    const prefill = untilStopped(fixture).catch((): PrefillFate => (
      { kind: "failed", sent: true, told: false }
    ));
    return [await fixture.adopt({ prefill, landed: new FakeLanding() })];
  },
  "the landing": async (fixture) => [await fixture.adopt({ landed: new FakeLanding() })],
  "the body": async (fixture) => {
    const body = (): Promise<ByteParts> => untilStopped(fixture);
    return [await fixture.adopt({ body })];
  },
  "a place": async (fixture) => [
    await fixture.adopt(),
    await fixture.adopt(),
    await fixture.adopt(),
  ],
  "the answer": async (fixture) => [await fixture.adopt()],
  "the answer to what is good for one use": async (fixture) => [
    await fixture.adopt({ reclaim: ONCE }),
  ],
  "the next try": async (fixture) => {
    const one = await fixture.adopt();
    await fixture.answer(0, 500);
    assert(fixture.clock.dueIn(1_000));
    return [one];
  },
  "the answer to the last try": async (fixture) => {
    const one = await fixture.adopt();
    for (const [at, waitMs] of [1_000, 2_000].entries()) {
      await fixture.answer(at, 500);
      await fixture.clock.advance(waitMs);
    }
    assertEquals(fixture.sent.length, 3);
    return [one];
  },
};

for (const [name, bring] of Object.entries(WAITS)) {
  Deno.test(`Reclaimer stops when the router does, waiting for ${name}`, async () => {
    const fixture = new ReclaimFixture();
    const all = await bring(fixture);
    assertEquals([fixture.reclaimer.pending, fixture.results], [all.length, []]);
    const before = fixture.sent.length;
    await fixture.background[Symbol.asyncDispose]();
    assertEquals(fixture.results, all.map(() => "stopped"));
    assertEquals(fixture.sent.length, before);
    // It is the router that ends: nothing is amiss with the engine.
    assertEquals(fixture.lines, []);
    fixture.assertIdle(...all.map(({ landed }) => landed));
  });
}

for (const reclaim of [AGAIN, ONCE]) {
  const kind = reclaim.singleUse ? "good for one use" : "that may be read again";
  Deno.test(`Reclaimer stops when connections are closed before work is ended, KV ${kind}`, async () => {
    const fixture = new ReclaimFixture();
    const one = await fixture.adopt({ reclaim });
    await fixture.answer(0, new RouterError("shutting-down", "The router is shutting down"));
    assertEquals([fixture.results, fixture.lines], [["stopped"], []]);
    fixture.assertIdle(one.landed);
  });
}

Deno.test("Reclaimer sends nothing any more for what it gets after the end", async () => {
  const fixture = new ReclaimFixture();
  await fixture.background[Symbol.asyncDispose]();
  const awaited = await fixture.adopt({ landed: new FakeLanding() });
  const landed = await fixture.adopt({ decode: engine("other") });
  assertEquals(fixture.results, ["stopped", "stopped"]);
  assertEquals([fixture.sent, fixture.lines], [[], []]);
  fixture.assertIdle(awaited.landed, landed.landed);
});
