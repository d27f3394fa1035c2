import { createLogger } from "../lib/base/mod.ts";
import type { CheckOptions } from "../lib/config/mod.ts";
import { assert, assertEquals } from "./support/assert.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { MODEL, startCluster, startSim, total } from "./support/cluster.ts";
import { eventually } from "./support/eventually.ts";
import { engineAt, post, startRouter } from "./support/router.ts";

/** Checks that come soon after one another. */
const OFTEN: CheckOptions = { everyMs: 50, timeoutMs: 300, types: new Map() };

async function readyStatus(url: string): Promise<number> {
  const response = await fetch(`${url}/ready`);
  await response.body?.cancel();
  return response.status;
}

async function completion(url: string): Promise<number> {
  const body = { model: MODEL, prompt: "Tell me", max_tokens: 3 };
  const response = await post(`${url}/v1/completions`, body);
  await response.body?.cancel();
  return response.status;
}

for (const fault of ["errorAnswer", "hangBeforeHead", "badJson", "dieBeforeAnswer"] as const) {
  Deno.test(`checks shut an engine that lists its models and does not serve: ${fault}`, async () => {
    await using engine = await startSim({ role: "decode", kvConnector: "none" });
    engine.faults.paths = ["/v1/completions"];
    engine.faults[fault] = true;
    const lines: string[] = [];
    const log_ = createLogger(new FakeClock(), (line) => void lines.push(line), {
      level: "info",
      format: "text",
    });
    const records = [engineAt(engine.url, "decode")];
    await using router = await startRouter(records, { checks: OFTEN, log_ });
    await eventually(async () => await readyStatus(router.url) === 503, () => lines.join("\n"));
    const told = lines.filter((line) => line.includes("Engine fails a check"));
    assertEquals(told.length, 1, lines.join("\n"));
    assert(told[0]?.includes(`completion of ${MODEL}`), told[0]);
    engine.faults[fault] = false;
    await eventually(async () => await readyStatus(router.url) === 200, () => lines.join("\n"));
    await eventually(() => lines.some((line) => line.includes("passes its checks again")));
    const text = await (await fetch(`${router.url}/metrics`)).text();
    assert(/pd_router_engine_errors_total\{.*leg="check".*\} [1-9]/.test(text));
  });
}

Deno.test("a request that is answered well opens an engine that a check has shut", async () => {
  await using engine = await startSim({ role: "decode", kvConnector: "none" });
  engine.faults.paths = ["/v1/completions"];
  engine.faults.errorAnswer = 1;
  await using router = await startRouter([engineAt(engine.url, "decode")], {
    checks: { ...OFTEN, everyMs: 600_000 },
  });
  await eventually(async () => await readyStatus(router.url) === 503, () => "never shut");
  assertEquals(await completion(router.url), 200);
  assertEquals(await readyStatus(router.url), 200);
});

Deno.test("checks say nothing of an engine without room, or that wants another key", async () => {
  for (const status of [401, 429, 503]) {
    await using engine = await startSim({ role: "decode", kvConnector: "none" });
    engine.faults.paths = ["/v1/completions"];
    engine.faults.errorAnswer = true;
    engine.faults.errorStatus = status;
    await using router = await startRouter([engineAt(engine.url, "decode")], { checks: OFTEN });
    const asked = (): boolean =>
      engine.stats().lastRequests.filter(({ path }) => path === "/v1/completions").length >= 3;
    await eventually(asked, () => `asked too seldom with ${status}`);
    assertEquals(await readyStatus(router.url), 200, String(status));
  }
});

for (const protocol of ["lmcache", "nixl", "shared_storage"] as const) {
  Deno.test(`checks leave no KV behind, and end no sender: ${protocol}`, async () => {
    await using cluster = await startCluster({
      protocol,
      modes: protocol === "lmcache" ? ["p1"] : ["d1"],
      router: { checks: OFTEN },
    });
    const engines = [...cluster.prefills, ...cluster.decodes];
    const checked = (): boolean =>
      engines.every((engine) => engine.stats().lastRequests.length >= 3);
    await eventually(checked, () => "not all were tried");
    assertEquals(await completion(cluster.url), 200);
    assertEquals(total(cluster.prefills, "plainOnSender"), 0);
    assertEquals(engines.map((engine) => engine.stats().deaths), [0, 0]);
    await eventually(
      () => engines.every((engine) => engine.stats().heldKv === 0),
      () => engines.map((engine) => engine.stats().heldKv).join(),
    );
    assertEquals(await readyStatus(cluster.url), 200);
  });
}
