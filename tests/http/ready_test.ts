import { decodeUtf8 } from "../../lib/base/mod.ts";
import { ready, type ReadyDeps } from "../../lib/http/ready.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { engineOf, FakeFleet } from "../support/flow_fakes.ts";
import { engineAt, startRouter, type TestRouter } from "../support/router.ts";
import { httpSetting, requestTo, responding } from "../support/http_fakes.ts";
import { startCluster, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";

/** A router that is ready, but for `changes`. */
function answerOf(changes: Partial<ReadyDeps>): readonly [status: number, body: unknown] {
  const { status, body } = ready({
    fleet: new FakeFleet(new FakeClock(), [engineOf("a", "decode")]),
    handoff: undefined,
    firstRound: () => undefined,
    ailment: () => undefined,
    retired: () => false,
    draining: () => false,
    ...changes,
  });
  assert(body instanceof Uint8Array);
  return [status, JSON.parse(decodeUtf8(body))];
}

const STOPPING = {
  status: "draining",
  missing: ["the router is stopping: send requests to another"],
};

Deno.test("ready() is 200 while requests are taken and some engine can serve", () => {
  assertEquals(answerOf({}), [200, { status: "ready" }]);
});

Deno.test("ready() says what is missing", () => {
  assertEquals(answerOf({ retired: () => true }), [503, STOPPING]);
  assertEquals(answerOf({ draining: () => true }), [503, STOPPING]);
  const round = Promise.resolve();
  assertEquals(answerOf({ firstRound: () => round }), [503, {
    status: "starting",
    missing: ["the engines have not all been asked for their models yet"],
  }]);
  const fleet = new FakeFleet(new FakeClock(), [engineOf("a", "prefill")]);
  assertEquals(answerOf({ fleet, ailment: () => "no more connections can be accepted" }), [503, {
    status: "not ready",
    missing: [
      "no more connections can be accepted",
      "an engine that can serve: there is none",
    ],
  }]);
});

Deno.test("ready() takes engines that differ for no pair", () => {
  const fleet = new FakeFleet(new FakeClock(), [engineOf("p", "prefill"), engineOf("d", "decode")]);
  const answer = (): unknown => answerOf({ fleet, handoff: { failurePolicy: "error" } })[0];
  assertEquals(answer(), 200);
  fleet.unequal.add("p+d");
  assertEquals(answer(), 503);
});

Deno.test("ready() wants a pair where nothing else may serve", () => {
  assertEquals(answerOf({ handoff: { failurePolicy: "direct" } })[0], 200);
  assertEquals(answerOf({ handoff: { failurePolicy: "error" } }), [503, {
    status: "not ready",
    missing: ["a prefill engine that can serve: there is none"],
  }]);
});

Deno.test("/ready is told to anybody, and with HEAD, but not with POST", async () => {
  const setting = httpSetting({ engines: [engineOf("a", "any")] });
  await using _held = setting;
  const fetch = responding(setting.deps);
  const statuses = [];
  for (const method of ["GET", "HEAD", "POST"]) {
    const response = await fetch(requestTo("/ready", undefined, { method }));
    await response.body?.cancel();
    statuses.push(response.status);
  }
  assertEquals(statuses, [200, 200, 405]);
});

async function readyOf({ url }: TestRouter): Promise<readonly [number, string]> {
  const response = await fetch(`${url}/ready`);
  const { status } = await response.json();
  return [response.status, status];
}

Deno.test("/ready waits for the first round of questions, and ends before requests do", async () => {
  const asked = Promise.withResolvers<void>();
  const engine = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async () => {
    await asked.promise;
    return Response.json({ object: "list", data: [{ id: "m", object: "model" }] });
  });
  await using _engine = { [Symbol.asyncDispose]: () => engine.shutdown() };
  const url = `http://127.0.0.1:${engine.addr.port}`;
  await using router = await startRouter([engineAt(url, "any")], { unprobed: true });
  assertEquals(await readyOf(router), [503, "starting"]);
  asked.resolve();
  await router.app.probed;
  assertEquals(await readyOf(router), [200, "ready"]);
  router.app.retire();
  assertEquals(await readyOf(router), [503, "draining"]);
  const models = await fetch(`${router.url}/v1/models`);
  assertEquals([models.status, (await models.json()).data.length], [200, 1]);
});

Deno.test("/ready is 503 while the only engine that could serve is away", async () => {
  const engine = await startSim({ role: "any" });
  const { port } = new URL(engine.url);
  await using router = await startRouter([engineAt(engine.url, "any")]);
  assertEquals(await readyOf(router), [200, "ready"]);
  await engine[Symbol.asyncDispose]();
  const failed = await fetch(`${router.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "sim-model", prompt: "x", max_tokens: 1 }),
  });
  await failed.body?.cancel();
  assertEquals(failed.status, 502);
  assertEquals(await readyOf(router), [503, "not ready"]);
  await using _again = await startSim({ role: "any", port: Number(port) });
  await eventually(async () => (await readyOf(router))[0] === 200, () => "not ready again");
});

Deno.test("/ready needs both sides of a handoff where only pairs may serve", async () => {
  await using cluster = await startCluster({ router: { health: { failurePolicy: "error" } } });
  assertEquals(await readyOf(cluster.router), [200, "ready"]);
  await cluster.prefills[0]?.[Symbol.asyncDispose]();
  const failed = await fetch(`${cluster.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "sim-model", prompt: "x", max_tokens: 2 }),
  });
  await failed.body?.cancel();
  await eventually(async () => (await readyOf(cluster.router))[0] === 503, () => "still ready");
});
