import { Warming } from "../lib/app_warming.ts";
import { silentLogger } from "../lib/base/mod.ts";
import { assertEquals } from "./support/assert.ts";
import { eventually } from "./support/eventually.ts";
import { engineAt, startRouter } from "./support/router.ts";
import { startScripted } from "./support/scripted_engine.ts";

Deno.test("Warming is under way until it has ended, well or not", async () => {
  const log = { warned: 0, warning: () => void log.warned++ };
  const { promise, resolve } = Promise.withResolvers<void>();
  await using well = new Warming(() => promise, log);
  await using badly = new Warming(() => Promise.reject(new Error("cold")), log);
  await using none = new Warming(undefined, log);
  assertEquals([well.underWay, badly.underWay, none.underWay], [true, true, false]);
  resolve();
  await eventually(() => !well.underWay && !badly.underWay);
  assertEquals(log.warned, 1);
});

Deno.test("Warming is told to stop when it is disposed, and has ended then", async () => {
  let ended = false;
  const warming = new Warming(async (signal) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    ended = true;
  }, silentLogger());
  await warming[Symbol.asyncDispose]();
  assertEquals([ended, warming.underWay], [true, false]);
});

Deno.test("startApp() is not ready before it has warmed up, and serves meanwhile", async () => {
  await using engine = startScripted(() => Response.json({ ok: true }));
  const { promise, resolve } = Promise.withResolvers<void>();
  await using router = await startRouter([engineAt(engine.url, "any")], {
    lifecycle: { warmUp: true, drainDelayMs: 0 },
    ports: { warmUp: () => promise },
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
