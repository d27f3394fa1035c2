/** `pd-router doctor` before simulated engines, on real sockets. */
import { systemClock } from "../../lib/base/mod.ts";
import { dispatch } from "../../lib/cli/dispatch.ts";
import type { Finding } from "../../lib/doctor/mod.ts";
import type { SimOptions } from "../../lib/sim/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { freePort, startSim } from "../support/cluster.ts";
import { fakeProcess } from "./support.ts";

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function doctor(argv: readonly string[]): Promise<Outcome> {
  const { ports, out, err } = fakeProcess();
  const code = await dispatch(["doctor", ...argv], { ...ports, clock: systemClock() });
  return { code, out: out.text, err: err.text };
}

/** A prefill and a decode engine of LMCache, and the flags of a router for them. */
async function pair(
  decode: Partial<SimOptions> = {},
): Promise<AsyncDisposable & { readonly flags: readonly string[]; readonly port: number }> {
  await using stack = new AsyncDisposableStack();
  const port = freePort();
  const sender = stack.use(
    await startSim({
      role: "prefill",
      kvConnector: "lmcache",
      proxyHost: "127.0.0.1",
      proxyPort: port,
    }),
  );
  const receiver = stack.use(
    await startSim({ role: "decode", kvConnector: "lmcache", ...decode }, 2),
  );
  const { initPorts, allocPorts } = receiver;
  const parts = stack.move();
  return {
    port,
    flags: [
      `--prefill=${sender.url}`,
      `--decode=${receiver.url}`,
      "--nixl-proxy-host=127.0.0.1",
      `--nixl-proxy-port=${port}`,
      `--nixl-peer-init-port=${initPorts.join(",")}`,
      `--nixl-peer-alloc-port=${allocPorts.join(",")}`,
      `--port=${freePort()}`,
    ],
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

async function findings(argv: readonly string[]): Promise<readonly [number, readonly Finding[]]> {
  const { code, out } = await doctor([...argv, "--json"]);
  return [code, JSON.parse(out).findings];
}

function outcomes(found: readonly Finding[], check: Finding["check"]): readonly string[] {
  return found.filter((one) => one.check === check).map(({ outcome }) => outcome);
}

Deno.test("pd-router doctor finds a healthy pair well, and that KV moves between them", async () => {
  await using engines = await pair();
  const { code, out, err } = await doctor(engines.flags);
  assertEquals([code, err], [0, ""], out);
  assertStringIncludes(out.replaceAll(/\s+/g, " "), "the KV was found, and the answer is right");
  assertStringIncludes(out, " 0 warnings, 0 failed\n");
  for (const line of out.split("\n")) assert(line.length <= 80, line);
});

Deno.test("pd-router doctor tells that KV does not come, and of contexts that differ", async () => {
  await using engines = await pair({ hashSeed: "1", maxModelLen: 4096 });
  const [code, found] = await findings(engines.flags);
  assertEquals(code, 1);
  assertEquals(outcomes(found, "properties"), ["warning"]);
  assertEquals(outcomes(found, "handoffs"), ["failed"]);
  const [handoff] = found.filter(({ check }) => check === "handoffs");
  assertStringIncludes(handoff?.said ?? "", "computed twice");
});

Deno.test("pd-router doctor tells of a port that is taken, and tries no handoffs then", async () => {
  await using engines = await pair();
  using _taken = Deno.listen({ hostname: "127.0.0.1", port: engines.port });
  const [code, found] = await findings(engines.flags);
  assertEquals(code, 1);
  assertEquals(outcomes(found, "notifications"), ["failed"]);
  assertEquals(outcomes(found, "handoffs"), ["skipped"]);
  assertEquals(outcomes(found, "engines"), ["ok", "ok"]);
});

Deno.test("pd-router doctor --no-handoffs sends no prompt", async () => {
  await using engines = await pair({ hashSeed: "1" });
  const [code, found] = await findings([...engines.flags, "--no-handoffs"]);
  assertEquals([code, outcomes(found, "handoffs")], [0, ["skipped"]]);
});

Deno.test("pd-router doctor tells of engines that give no answer", async () => {
  const [code, found] = await findings([
    `--static-backends=http://127.0.0.1:${freePort()}`,
    "--static-models=m",
    "--service-discovery=static",
    "--routing-logic=roundrobin",
    "--timeout=2",
  ]);
  assertEquals([code, outcomes(found, "engines"), outcomes(found, "handoffs")], [
    1,
    ["failed"],
    ["skipped"],
  ]);
});

Deno.test("pd-router doctor tells every problem of the configuration, and looks no further", async () => {
  const [code, found] = await findings(["--nope=1", "--port=x"]);
  assertEquals(code, 1);
  assert(found.length >= 2 && found.every(({ check }) => check === "configuration"));
});

Deno.test("pd-router doctor refuses times that are none", async () => {
  const { code, err } = await doctor(["--timeout=soon"]);
  assertEquals(code, 2);
  assertStringIncludes(err, "--timeout");
  assertStringIncludes(err, "pd-router help doctor");
});
