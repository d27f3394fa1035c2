import { startApp } from "../lib/app.ts";
import { type Engine, RouterError, seededRandom, silentLogger } from "../lib/base/mod.ts";
import type { EngineSource, SourceChange } from "../lib/fleet/mod.ts";
import { MessageQueue } from "../lib/zmq/message_queue.ts";
import { configOf, FLEET, PAIR } from "./config/support.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "./support/assert.ts";
import { eventually } from "./support/eventually.ts";
import { type FakeClock, settle } from "./support/fake_clock.ts";
import { TurningClock } from "./support/turning_clock.ts";
import { FakePull } from "./support/fake_pull.ts";
import { engineOf } from "./support/flow_fakes.ts";
import { FakeServer } from "./support/http_fakes.ts";
import { engineAt, startRouter, type TestRouter } from "./support/router.ts";
import {
  data,
  event,
  type PairScript,
  type ScriptedPair,
  sse,
  startPair,
  usageEvent,
} from "./support/scripted_pair.ts";
import { startScripted } from "./support/scripted_engine.ts";

const NOTHING = {
  waiters: 0,
  inflight: 0,
  drains: 0,
  background: 0,
  connections: 0,
  buffered: 0,
};
const REST = [event(" two", { finish_reason: "stop" }), usageEvent(4, 1), data("[DONE]")];
const ASK = { model: "m", prompt: "hi", max_tokens: 3 };

/** Engines that a test adds and takes away. */
class ManualSource implements EngineSource {
  readonly #queue = new MessageQueue<SourceChange>(100);

  tell(...changes: readonly SourceChange[]): void {
    for (const change of changes) this.#queue.push(change);
  }

  changes(stop: AbortSignal): AsyncIterable<SourceChange> {
    stop.addEventListener("abort", () => this.#queue.close());
    return this.#queue.drain();
  }
}

interface Served {
  readonly server: FakeServer;
  readonly clock: FakeClock;
  readonly router: TestRouter;
}

/** Runs a test on a router that follows `source`, without a socket for clients. */
async function withSource(
  source: EngineSource,
  run: (served: Served) => Promise<void>,
): Promise<void> {
  const server = new FakeServer();
  const clock = new TurningClock();
  const ports = { front: server.start, sources: [source] };
  await using router = await startRouter([], { clock, ports, unprobed: true });
  await run({ server, clock, router });
}

interface PairServed extends ScriptedPair {
  readonly server: FakeServer;
  readonly clock: FakeClock;
}

/** Runs a test on scripted engines behind a router that has no socket of its own. */
async function withPair(
  script: Partial<PairScript>,
  run: (served: PairServed) => Promise<void>,
): Promise<void> {
  const server = new FakeServer();
  const clock = new TurningClock();
  await using pair = await startPair({
    decode: () => sse(REST),
    ...script,
    router: { clock, ports: { front: server.start } },
  });
  await run({ ...pair, server, clock });
}

/** All that is still to be read. */
async function restOf(reader?: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  let text = "";
  for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
    text += new TextDecoder().decode(part.value);
  }
  return text;
}

/** Until nothing goes on behind answers, and their connections have been read to the end. */
async function settled({ stats }: Pick<TestRouter["app"], "stats">): Promise<void> {
  const isOver = (): boolean => stats().background === 0 && stats().connections === 0;
  await eventually(isOver, () => JSON.stringify(stats()));
}

/** What `/metrics` tells; behind it there is a turn, so that it can be asked again. */
async function figures(
  { server, clock }: { readonly server: FakeServer; readonly clock: FakeClock },
): Promise<string> {
  const text = await (await server.fetch("/metrics")).text();
  await clock.advance(0);
  return text;
}

Deno.test("startApp() hands off by the server and the socket it is given", async () => {
  await withPair({}, async ({ server, clock, router, prefill, decodeLegs }) => {
    assertEquals(router.app.address, { hostname: "127.0.0.1", port: 0 });
    assertEquals(server.asked, [router.app.address]);
    assertEquals(router.app.notifications?.endpoint, "tcp://127.0.0.1:7500");
    for (const stream of [false, true]) {
      const answer = await server.fetch("/v1/completions", { ...ASK, stream });
      const text = await answer.text();
      assertEquals(answer.status, 200);
      for (const part of [" one", " two"]) assertStringIncludes(text, part);
    }
    assertEquals(prefill.asked.filter(({ path }) => path === "/v1/completions").length, 2);
    assertEquals(decodeLegs().length, 2);
    const told = await figures({ server, clock });
    assertStringIncludes(told, 'pd_router_kv_notifications_total{result="completed"} 2\n');
    assertStringIncludes(told, 'route="handoff_p1",outcome="ok"} 2\n');
    const { app } = router;
    await eventually(() => app.stats().background === 0, () => JSON.stringify(app.stats()));
    assertEquals(app.stats(), NOTHING);
    await app[Symbol.asyncDispose]();
    assertEquals(server.shut, true);
    await app.closed;
  });
});

Deno.test("App.stats() tells what the router holds at the moment", async () => {
  const script = { prefill: { notifications: 0 } };
  await withPair(script, async ({ server, clock, router, prefill, notify }) => {
    const { app } = router;
    const answer = await server.fetch("/v1/completions", { ...ASK, stream: true });
    const reader = answer.body?.getReader();
    await reader?.read();
    // The decode engine is chosen, and waits for the KV.
    const buffered = JSON.stringify({ ...ASK, stream: true }).length;
    assertEquals(app.stats(), { ...NOTHING, waiters: 1, inflight: 1, buffered });
    assertStringIncludes(await figures({ server, clock }), "\npd_router_kv_waiters 1\n");
    const leg = JSON.parse(prefill.asked.at(-1)?.text ?? "");
    notify(leg.kv_transfer_params.disagg_spec.req_id);
    await restOf(reader);
    await settled(app);
    assertEquals(app.stats(), NOTHING);
    assertStringIncludes(await figures({ server, clock }), "\npd_router_kv_waiters 0\n");
  });
});

Deno.test("startApp() counts an engine's failure to tokenize as its error", async () => {
  const first: PairScript["first"] = ({ path }) =>
    path === "/tokenize" ? Response.json({}, { status: 500 }) : undefined;
  await withPair({ first }, async ({ server, clock, prefill }) => {
    const answer = await server.fetch("/v1/completions", ASK);
    assertEquals([answer.status, (await answer.json()).error.code], [502, 502]);
    const labels = `server="${prefill.url}",leg="tokenize",code="tokenize-failed"`;
    assertStringIncludes(
      await figures({ server, clock }),
      `pd_router_engine_errors_total{${labels}} 1\n`,
    );
  });
});

Deno.test("startApp() is not healthy while its socket for notifications is not bound", async () => {
  const server = new FakeServer();
  const pull = new FakePull();
  const clock = new TurningClock();
  await using _router = await startRouter([
    engineAt("http://127.0.0.1:1", "prefill"),
    engineAt("http://127.0.0.1:1", "decode"),
  ], {
    clock,
    unprobed: true,
    ports: { front: server.start, bindPull: pull.bind, sources: [] },
  });
  const health = async (): Promise<unknown> => await (await server.fetch("/health")).json();
  assertEquals(await health(), { status: "healthy" });
  pull.fail(new Error("gone"));
  await eventually(() => pull.open === 0, () => "the socket is given up");
  const reason = "the socket for KV-ready notifications is not bound";
  assertEquals(await health(), { status: "unhealthy", reason });
  await clock.advance(100);
  assertEquals(await health(), { status: "healthy" });
  assertEquals(pull.asked.length, 2);
});

Deno.test("startApp() follows its source: who comes is served by, who goes is not", async () => {
  await using engine = startScripted(() => Response.json({ by: "engine" }));
  const source = new ManualSource();
  await withSource(source, async ({ server, router }) => {
    source.tell({ kind: "synced" });
    await router.app.probed;
    const ask = async (): Promise<readonly [number, string]> => {
      const answer = await server.fetch("/v1/completions", ASK);
      return [answer.status, await answer.text()];
    };
    assertEquals((await ask())[0], 404);
    const record: Engine = { ...engineOf("e", "any"), url: engine.url, models: [] };
    source.tell({ kind: "upsert", engine: record });
    const listed = async (): Promise<string> => await (await server.fetch("/v1/models")).text();
    await eventually(async () => (await listed()).includes('"m"'), () => "model m");
    assertEquals(await ask(), [200, '{"by":"engine"}']);
    source.tell({ kind: "remove", id: "e" });
    await eventually(async () => !(await listed()).includes('"m"'), () => "no model");
    const [status, text] = await ask();
    assertEquals(status, 503);
    assertStringIncludes(text, "No engine serves model 'm' at the moment");
  });
});

Deno.test("App.drain() lets what is in flight end, and begins nothing", async () => {
  const script = { prefill: { notifications: 0 } };
  await withPair(script, async ({ server, router, prefill, notify, clock }) => {
    const answer = await server.fetch("/v1/completions", { ...ASK, stream: true });
    const reader = answer.body?.getReader();
    await reader?.read();
    let drained = false;
    const draining = router.app.drain(7_777).then(() => drained = true);
    assertEquals([server.shut, drained], [true, false]);
    const leg = JSON.parse(prefill.asked.at(-1)?.text ?? "");
    notify(leg.kv_transfer_params.disagg_spec.req_id);
    await restOf(reader);
    await draining;
    await settled(router.app);
    assertEquals(router.app.stats(), NOTHING);
    assertEquals(clock.dueIn(7_777), false);
  });
});

Deno.test("App.drain() waits for KV that is still to be released", async () => {
  const released = Promise.withResolvers<Response>();
  const script = { prefill: { finishReason: "stop" }, decode: () => released.promise };
  await withPair(script, async ({ server, router, decode }) => {
    const answer = await server.fetch("/v1/completions", ASK);
    await answer.text();
    await eventually(() => decode.asked.length === 1, () => "KV is being released");
    const { drains, background } = router.app.stats();
    assertEquals([drains, background], [1, 1]);
    let drained = false;
    const draining = router.app.drain(7_777).then(() => drained = true);
    await settle();
    assertEquals([server.shut, drained], [true, false]);
    released.resolve(Response.json({ choices: [] }));
    await draining;
    assertEquals(router.app.stats(), NOTHING);
  });
});

Deno.test("App.drain() gives its timer back when the server cannot be stopped", async () => {
  await withSource(new ManualSource(), async ({ server, router, clock }) => {
    const closed = assertRejects(() => router.app.closed, Error, "no more sockets");
    server.fail(new Error("no more sockets"));
    await assertRejects(() => router.app.drain(7_777), Error, "no more sockets");
    assertEquals(clock.dueIn(7_777), false);
    await closed;
    const disposed = (async () => await router.app[Symbol.asyncDispose]())();
    await assertRejects(() => disposed, Error, "no more sockets");
  });
});

/** Streams one event, and no end. */
function endless(): Response {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode("data: 1\n\n")),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

Deno.test("App.drain() waits no longer than it is told, and disposal ends what is left", async () => {
  await using engine = startScripted(endless);
  const source = new ManualSource();
  await withSource(source, async ({ server, router, clock }) => {
    const record: Engine = { ...engineOf("e", "any"), url: engine.url, models: [] };
    source.tell({ kind: "upsert", engine: record }, { kind: "synced" });
    await router.app.probed;
    const answer = await server.fetch("/v1/completions", { ...ASK, stream: true });
    const reader = answer.body?.getReader();
    await reader?.read();
    let drained = false;
    const draining = router.app.drain(1_000).then(() => drained = true);
    await clock.advance(999);
    assertEquals(drained, false);
    await clock.advance(1);
    await draining;
    assertEquals(router.app.stats().inflight, 1);
    const rest = restOf(reader);
    await router.app[Symbol.asyncDispose]();
    assertStringIncludes(await rest, "the router is shutting down");
    assertEquals(router.app.stats(), NOTHING);
    await router.app.closed;
  });
});

Deno.test("disposing an App ends a request that waits for the first round", async () => {
  await withSource(new ManualSource(), async ({ server, router }) => {
    const asked = [server.fetch("/v1/completions", ASK), server.fetch("/v1/models")];
    const read = Promise.all(asked.map(async (answer) => await (await answer).text()));
    await router.app[Symbol.asyncDispose]();
    const [refused = "", listed] = await read;
    assertStringIncludes(refused, "The router is stopping");
    assertEquals(listed, '{"object":"list","data":[]}');
    await router.app.probed;
  });
});

Deno.test("disposing an App ends the first round with an engine that says nothing", async () => {
  const known = Promise.withResolvers<void>();
  await using engine = startScripted(() => undefined, known.promise);
  using _told = { [Symbol.dispose]: known.resolve };
  const source = new ManualSource();
  await withSource(source, async ({ router }) => {
    const record: Engine = { ...engineOf("e", "any"), url: engine.url, models: [] };
    source.tell({ kind: "upsert", engine: record }, { kind: "synced" });
    await eventually(() => router.app.stats().connections === 1, () => "the engine is asked");
    await router.app[Symbol.asyncDispose]();
    await router.app.probed;
    assertEquals(router.app.stats(), NOTHING);
  });
});

Deno.test("disposing an App ends a request that waits for KV", async () => {
  for (const stream of [false, true]) {
    const script = { prefill: { notifications: 0 } };
    await withPair(script, async ({ server, router, decode }) => {
      const { app } = router;
      const asked = server.fetch("/v1/completions", { ...ASK, stream });
      await eventually(() => app.stats().waiters === 1 && app.stats().connections === 0);
      const read = asked.then(async (answer) => [answer.status, await answer.text()] as const);
      await app[Symbol.asyncDispose]();
      const [status, text] = await read;
      assertEquals(status, stream ? 200 : 503);
      assertStringIncludes(text, "stop");
      assertEquals(decode.asked, []);
      assertEquals(app.stats(), NOTHING);
    });
  }
});

Deno.test("startApp() leaves nothing behind where it cannot listen", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const pull = new FakePull();
  const clock = new TurningClock();
  const config = configOf({ flags: { ...PAIR, host: "127.0.0.1", port: `${taken.addr.port}` } });
  const ports = { clock, random: seededRandom(1), log: silentLogger(), bindPull: pull.bind };
  const started = startApp(config, { ...ports, sources: [new ManualSource()] });
  const error = await assertRejects(() => started, RouterError, `Cannot listen on 127.0.0.1:`);
  assert(error.cause instanceof Deno.errors.AddrInUse);
  assertEquals([pull.asked.length, pull.open, clock.pending], [1, 0, 0]);
});

Deno.test("startApp() leaves nothing behind where it cannot bind its socket", async () => {
  const server = new FakeServer();
  const pull = new FakePull();
  const clock = new TurningClock();
  pull.refusal = new Error("Cannot bind");
  const ports = { clock, random: seededRandom(1), log: silentLogger() };
  const more = { bindPull: pull.bind, front: server.start };
  const started = startApp(configOf({ flags: PAIR }), { ...ports, ...more });
  await assertRejects(() => started, Error, "Cannot bind");
  assertEquals([server.asked, pull.open, clock.pending], [[], 0, 0]);
});

Deno.test("startApp() says which file of certificates it cannot read", async () => {
  const config = { ...configOf({ flags: FLEET }), tlsCaFile: "/nowhere/ca.pem" };
  const clock = new TurningClock();
  const started = startApp(config, { clock, random: seededRandom(1), log: silentLogger() });
  await assertRejects(() => started, RouterError, "Cannot read --tls-ca /nowhere/ca.pem");
  assertEquals(clock.pending, 0);
});

Deno.test("App.closed rejects when the server cannot go on", async () => {
  await withSource(new ManualSource(), async ({ server, router }) => {
    const closed = assertRejects(() => router.app.closed, Error, "no more sockets");
    server.fail(new Error("no more sockets"));
    await closed;
    // What remains is given back all the same.
    const disposed = (async () => await router.app[Symbol.asyncDispose]())();
    await assertRejects(() => disposed, Error, "no more sockets");
    assertEquals(router.app.stats(), NOTHING);
  });
});
