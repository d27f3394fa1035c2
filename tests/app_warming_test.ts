import { Warming } from "../lib/app_warming.ts";
import { silentLogger } from "../lib/base/mod.ts";
import { assertEquals } from "./support/assert.ts";
import { eventually } from "./support/eventually.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { engineAt, startRouter } from "./support/router.ts";
import { startScripted } from "./support/scripted_engine.ts";

Deno.test("Warming is under way until it has ended, well or not", async () => {
  const log = { warned: 0, warning: () => void log.warned++ };
  const { promise, resolve } = Promise.withResolvers<void>();
  const parts = { clock: new FakeClock(), log, after: Promise.resolve() };
  await using well = new Warming(() => promise, parts);
  await using badly = new Warming(() => Promise.reject(new Error("cold")), parts);
  await using none = new Warming(undefined, parts);
  assertEquals([well.underWay, badly.underWay, none.underWay], [true, true, false]);
  resolve();
  await eventually(() => !well.underWay && !badly.underWay);
  assertEquals(log.warned, 1);
});

Deno.test("Warming knows whether somebody waits for an answer", async () => {
  let busy: (() => boolean) | undefined;
  const over = Promise.withResolvers<void>();
  const parts = { clock: new FakeClock(), log: silentLogger(), after: Promise.resolve() };
  await using warming = new Warming((_signal, isBusy) => {
    busy = isBusy;
    return over.promise;
  }, parts);
  await eventually(() => busy !== undefined);
  const first = Promise.withResolvers<string>();
  const second = Promise.withResolvers<string>();
  const answers = [warming.during(() => first.promise), warming.during(() => second.promise)];
  assertEquals(busy?.(), true);
  first.resolve("one");
  assertEquals([await answers[0], busy?.()], ["one", true]);
  second.reject(new Error("none"));
  await answers[1]?.catch(() => {});
  assertEquals(busy?.(), false);
  over.resolve();
});

Deno.test("Warming is told to stop when it is disposed, and has ended then", async () => {
  let [begun, ended] = [false, false];
  const parts = { clock: new FakeClock(), log: silentLogger(), after: Promise.resolve() };
  const warming = new Warming(async (signal) => {
    begun = true;
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    ended = true;
  }, parts);
  await eventually(() => begun);
  await warming[Symbol.asyncDispose]();
  assertEquals([ended, warming.underWay], [true, false]);
});

Deno.test("Warming waits a while for what is to be done first, and leaves no timer", async () => {
  const clock = new FakeClock();
  let begun = 0;
  const warmUp = (): Promise<void> => Promise.resolve(void begun++);
  const log = silentLogger();
  const never = new Promise(() => {});
  await using warming = new Warming(warmUp, { clock, log, after: never });
  await clock.advance(199);
  assertEquals([begun, warming.underWay], [0, true]);
  await clock.advance(1);
  await eventually(() => !warming.underWay);
  await using other = new Warming(warmUp, { clock, log, after: Promise.resolve() });
  await eventually(() => !other.underWay);
  assertEquals([begun, clock.pending], [2, 0]);
  await using stopped = new Warming(warmUp, { clock, log, after: never });
  await stopped[Symbol.asyncDispose]();
  assertEquals([begun, clock.pending], [2, 0]);
});

Deno.test("startApp() is not ready before it has warmed up, and serves meanwhile", async () => {
  await using engine = startScripted(() => Response.json({ ok: true }));
  const { promise, resolve } = Promise.withResolvers<void>();
  await using router = await startRouter([engineAt(engine.url, "any")], {
    lifecycle: { warmUp: true, drainDelayMs: 0 },
    ports: {
      warmUp: async (_signal, busy) => {
        await promise;
        assertEquals(busy(), false);
      },
    },
  });
  const ready = async (): Promise<unknown> => await (await fetch(`${router.url}/ready`)).json();
  assertEquals(await ready(), { status: "starting", missing: ["the router is warming up"] });
  const body = JSON.stringify({ model: "m", prompt: "x" });
  const answer = await fetch(`${router.url}/v1/completions`, { method: "POST", body });
  assertEquals([answer.status, await answer.json()], [200, { ok: true }]);
  resolve();
  await eventually(async () => JSON.stringify(await ready()) === '{"status":"ready"}');
});

Deno.test("startApp() does not warm up where that is off", async () => {
  await using router = await startRouter([], {
    ports: { warmUp: () => Promise.reject(new Error("asked for")) },
  });
  const { missing } = await (await fetch(`${router.url}/ready`)).json();
  assertEquals(missing, ["an engine that can serve: there is none"]);
});
