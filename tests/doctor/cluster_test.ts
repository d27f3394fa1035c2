import { redisBroker } from "../../lib/cluster/mod.ts";
import { systemClock } from "../../lib/base/mod.ts";
import { clusterFinding, type MeetingPlace } from "../../lib/doctor/cluster.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { freePort } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { startRedis } from "../support/redis.ts";
import { joinAt } from "../support/replicas.ts";

const TRY = { clock: systemClock(), timeoutMs: 30_000 } as const;

function placeAt(
  port: number,
  more: { readonly username?: string; readonly password?: string } = {},
): MeetingPlace {
  const server = { host: "127.0.0.1", port, tls: false, database: 0, name: "test", ...more };
  return { at: `127.0.0.1:${port}`, name: "test", open: redisBroker(server, []) };
}

Deno.test("clusterFinding() tries what a replica does, and counts those that are there", async () => {
  await using redis = await startRedis();
  const place = placeAt(redis.port);
  const { outcome, said } = await clusterFinding(place, TRY);
  assertEquals(outcome, "ok");
  assertStringIncludes(said, "nobody is there yet");
  await using one = await joinAt(redis.url, 1);
  await eventually(() => one.connected);
  assertStringIncludes((await clusterFinding(place, TRY)).said, "replicas that are there: 1");
});

Deno.test("clusterFinding() says why replicas cannot meet", async () => {
  const port = freePort();
  const { outcome, said, subject } = await clusterFinding(placeAt(port), TRY);
  assertEquals([outcome, subject], ["failed", `127.0.0.1:${port}`]);
  assertStringIncludes(said, "ECONNREFUSED");
  await using redis = await startRedis();
  redis.freeze();
  const frozen = await clusterFinding(placeAt(redis.port), { ...TRY, timeoutMs: 1_000 });
  assertEquals(frozen.said, "replicas cannot meet there: no answer within 1 s");
});

Deno.test("clusterFinding() finds a user who may not publish", async () => {
  const rules = ["--user", "router", "on", ">word", "~test:*", "&test:*", "+@all", "-publish"];
  await using redis = await startRedis(rules);
  const place = placeAt(redis.port, { username: "router", password: "word" });
  const { outcome, said } = await clusterFinding(place, TRY);
  assertEquals(outcome, "failed");
  assertStringIncludes(said, "publish");
});
