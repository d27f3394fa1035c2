import { createLogger, type LogLevel, RouterError, seededRandom } from "../../lib/base/mod.ts";
import { serve, type ServingApp } from "../../lib/cli/serve.ts";
import type { RouterConfig } from "../../lib/config/mod.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { configOf, FLEET, PAIR } from "../config/support.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { FakeSignals } from "./support.ts";

/** A router that does what the test tells it, and remembers what it was asked. */
class FakeApp implements ServingApp {
  readonly address: ServingApp["address"];
  readonly notifications: ServingApp["notifications"];
  readonly calls: string[] = [];
  readonly ended = Promise.withResolvers<void>();
  readonly drained = Promise.withResolvers<void>();
  readonly closed = this.ended.promise;

  readonly config: () => RouterConfig;

  constructor(config: RouterConfig) {
    const { handoff, listen } = config;
    this.config = () => config;
    this.address = { hostname: listen.host, port: 4321 };
    if (handoff.kind !== "lmcache") return;
    this.notifications = { endpoint: "tcp://0.0.0.0:7501", port: 7501 };
  }

  /** How often it was told that it is over. */
  retired = 0;

  retire(): void {
    this.retired++;
  }

  drain(timeoutMs: number): Promise<void> {
    this.calls.push(`drain ${timeoutMs}`);
    return this.drained.promise;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.calls.push("dispose");
    return Promise.resolve();
  }
}

interface Run {
  readonly app: FakeApp;
  readonly clock: FakeClock;
  readonly signals: FakeSignals;
  readonly complaints: string[];
  readonly lines: string[];
  /** The exit code, once there is one. */
  readonly code: () => number | undefined;
}

function run(
  config: RouterConfig,
  start: (app: FakeApp) => Promise<ServingApp> = (app) => Promise.resolve(app),
): Run {
  const app = new FakeApp(config);
  const clock = new FakeClock();
  const signals = new FakeSignals();
  const complaints: string[] = [];
  const lines: string[] = [];
  let code: number | undefined;
  const sink = (line: string, level: LogLevel): void => void lines.push(`${level} ${line}`);
  serve(config, {
    clock,
    signals,
    random: seededRandom(1),
    log: createLogger(clock, sink, { level: "info", format: "text" }),
    complain: (line) => complaints.push(line),
    start: () => start(app),
  }).then((value) => code = value);
  return { app, clock, signals, complaints, lines, code: () => code };
}

const HANDOFF = configOf({ flags: { ...PAIR, "drain-timeout": "5" } });

Deno.test("serve() says where it serves, where notifications come in, and which engines", async () => {
  const { lines } = run(HANDOFF);
  await settle();
  assertEquals(lines.length, 4);
  assertStringIncludes(lines[0] ?? "", "Serving on http://0.0.0.0:4321");
  assertStringIncludes(lines[0] ?? "", 'routing="disaggregated prefill"');
  assertStringIncludes(lines[1] ?? "", "KV-ready notifications on tcp://0.0.0.0:7501");
  assertStringIncludes(lines[2] ?? "", "Engine p:8000: prefill http://p:8000");
  assertStringIncludes(lines[3] ?? "", "Engine d:8000: decode http://d:8000");
});

Deno.test("serve() says nothing of notifications without handoffs", async () => {
  const { lines } = run(configOf({ flags: FLEET }));
  await settle();
  assertEquals(lines.filter((line) => line.includes("notifications")), []);
  assertStringIncludes(lines[0] ?? "", "routing=roundrobin");
});

Deno.test("serve() says how KV moves where nothing is notified", async () => {
  const { lines } = run(configOf({ flags: { ...PAIR, "kv-protocol": "nixl" } }));
  await settle();
  assertStringIncludes(lines[1] ?? "", "Handoffs by nixl: decode engines read KV");
});

Deno.test("serve() says how many descriptors there are, and how many clients they carry", async () => {
  const { lines } = run(configOf({ flags: { ...FLEET, "max-open-files": "64" } }));
  await settle();
  assertStringIncludes(lines[0] ?? "", "clients=14 descriptors=64");
  assertStringIncludes(lines[1] ?? "", "64 file descriptors carry 14 clients at once");
  const unknown = run(configOf({ flags: FLEET }));
  await settle();
  assertStringIncludes(unknown.lines[0] ?? "", "clients=16384 descriptors=unknown");
});

Deno.test("serve() drains after SIGQUIT too", async () => {
  const { app, signals, lines, code } = run(HANDOFF);
  await settle();
  signals.send("SIGQUIT");
  app.drained.resolve();
  await settle();
  assertEquals([app.calls, code()], [["drain 5000", "dispose"], 0]);
  assertStringIncludes(lines.at(-2) ?? "", "SIGQUIT: draining");
});

Deno.test("serve() brackets an IPv6 address", async () => {
  const { lines } = run(configOf({ flags: { ...PAIR, host: "::" } }));
  await settle();
  assertStringIncludes(lines[0] ?? "", "Serving on http://[::]:4321");
});

Deno.test("serve() drains after a signal, disposes, and ends with 0", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const { app, clock, signals, lines, complaints, code } = run(HANDOFF);
    await settle();
    assertEquals(app.calls, []);
    signals.send(signal);
    await settle();
    assertEquals([app.calls, code()], [["drain 5000"], undefined]);
    await clock.advance(1500);
    app.drained.resolve();
    await settle();
    assertEquals([app.calls, code()], [["drain 5000", "dispose"], 0]);
    assertStringIncludes(lines.at(-2) ?? "", `${signal}: draining, at most 5 s`);
    assertStringIncludes(lines.at(-1) ?? "", "Stopped after 1.5 s");
    assertEquals([complaints, clock.pending], [[], 0]);
  }
});

Deno.test("serve() is not ready at once, and takes requests for --drain-delay", async () => {
  const config = configOf({ flags: { ...PAIR, "drain-delay": "3", "drain-timeout": "5" } });
  const { app, clock, signals, lines, code } = run(config);
  await settle();
  assertEquals(app.retired, 0);
  signals.send("SIGTERM");
  await settle();
  assertEquals([app.retired, app.calls], [1, []]);
  assertStringIncludes(lines.at(-1) ?? "", "SIGTERM: not ready any more, and draining after 3 s");
  await clock.advance(2_999);
  assertEquals(app.calls, []);
  await clock.advance(1);
  assertEquals(app.calls, ["drain 5000"]);
  app.drained.resolve();
  await settle();
  assertEquals([app.calls, app.retired, code(), clock.pending], [
    ["drain 5000", "dispose"],
    1,
    0,
    0,
  ]);
});

Deno.test("serve() ends at once on a second signal within --drain-delay", async () => {
  const { app, signals, code } = run(configOf({ flags: { ...PAIR, "drain-delay": "3" } }));
  await settle();
  signals.send("SIGTERM");
  await settle();
  signals.send("SIGTERM");
  await settle();
  assertEquals([app.calls, code()], [[], 130]);
});

Deno.test("serve() ends at once on a second signal", async () => {
  const { app, signals, code } = run(HANDOFF);
  await settle();
  signals.send("SIGTERM");
  await settle();
  signals.send("SIGTERM");
  await settle();
  assertEquals([app.calls, code()], [["drain 5000"], 130]);
});

Deno.test("serve() does not wait for a drain that misses its deadline", async () => {
  const { app, clock, signals, complaints, code } = run(HANDOFF);
  await settle();
  signals.send("SIGTERM");
  await clock.advance(6999);
  assertEquals(code(), undefined);
  await clock.advance(1);
  assertEquals([app.calls, code(), clock.pending], [["drain 5000", "dispose"], 0, 0]);
  assertEquals(complaints, ["pd-router: Error while stopping: not done within 7 s"]);
});

Deno.test("serve() tells a drain that fails, and still disposes", async () => {
  const { app, signals, complaints, code } = run(HANDOFF);
  await settle();
  signals.send("SIGTERM");
  app.drained.reject(new RouterError("internal", "Cannot drain"));
  await settle();
  assertEquals([app.calls, code()], [["drain 5000", "dispose"], 0]);
  assertEquals(complaints, ["pd-router: Error while stopping: Cannot drain"]);
});

Deno.test("serve() tells in one line why it could not start", async () => {
  const cause = new Error("Address already in use (os error 98)");
  const error = new RouterError("internal", "Cannot listen on 0.0.0.0:8001", { cause });
  const { app, complaints, lines, code } = run(HANDOFF, () => Promise.reject(error));
  await settle();
  assertEquals(code(), 1);
  assertEquals(complaints, [
    "pd-router: Cannot start: Cannot listen on 0.0.0.0:8001: Address already in use (os error 98)",
  ]);
  assertEquals([app.calls, lines], [[], []]);
});

Deno.test("serve() ends at once on a signal during the start", async () => {
  const { signals, complaints, code } = run(HANDOFF, () => new Promise(() => {}));
  await settle();
  assertEquals(code(), undefined);
  signals.send("SIGTERM");
  await settle();
  assertEquals(code(), 130);
  assertMatch(complaints.join(), /^pd-router: SIGTERM before the start was complete$/);
});

Deno.test("serve() ends with 1 when the router ends by itself", async () => {
  for (const error of [undefined, new RouterError("internal", "The socket broke")]) {
    const { app, clock, complaints, code } = run(HANDOFF);
    await settle();
    if (error === undefined) app.ended.resolve();
    else app.ended.reject(error);
    await settle();
    assertEquals([app.calls, code(), clock.pending], [["dispose"], 1, 0]);
    const reason = error === undefined ? "" : ": The socket broke";
    assertEquals(complaints, [`pd-router: The server ended by itself${reason}`]);
  }
});

Deno.test("serve() never prints the API key", async () => {
  const config = configOf({ flags: PAIR, env: { VLLM_API_KEY: "hush" } });
  assertEquals(config.apiKey, "hush");
  const { lines, signals, app } = run(config);
  await settle();
  signals.send("SIGTERM");
  app.drained.resolve();
  await settle();
  assert(!lines.join("\n").includes("hush"));
});
