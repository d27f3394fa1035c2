import { startSimEngine } from "../../lib/sim/mod.ts";
import { SimOptionsError } from "../../lib/sim/options.ts";
import { assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { get, startEngine, testPorts } from "./support.ts";

Deno.test("startSimEngine() tells its URL and the ports of each rank", async () => {
  await using engine = await startEngine({ role: "decode", ranks: 3 });
  assertMatch(engine.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assertEquals([engine.initPorts.length, engine.allocPorts.length], [3, 3]);
  assertEquals(new Set([...engine.initPorts, ...engine.allocPorts]).size, 6);
});

Deno.test("startSimEngine() without a KV connector opens no port but its own", async () => {
  await using engine = await startEngine();
  assertEquals([engine.initPorts, engine.allocPorts], [[], []]);
  assertEquals(engine.kvEventsEndpoint, undefined);
});

Deno.test("startSimEngine() listens on an IPv6 address", async () => {
  await using engine = await startEngine({ host: "::1" });
  assertMatch(engine.url, /^http:\/\/\[::1\]:\d+$/);
  assertEquals((await get(engine, "/health")).status, 200);
});

Deno.test("startSimEngine() rejects with all problems of its options", async () => {
  const error = await assertRejects(
    () => startSimEngine({ ranks: 0, chunkSize: 0 }, testPorts()),
    SimOptionsError,
  );
  assertEquals(error.problems.length >= 2, true);
});

Deno.test("startSimEngine() rejects and leaves nothing open when a port is taken", async () => {
  await using first = await startEngine({ role: "decode", ranks: 2 });
  const port = Number(new URL(first.url).port);
  await assertRejects(() => startEngine({ port }), Error, `Cannot listen on 127.0.0.1:${port}`);
  const { allocPorts } = first;
  await assertRejects(
    () => startEngine({ role: "decode", ranks: 2, allocPorts }),
    Error,
    "Cannot open the ports of the KV receiver",
  );
  const sideChannelPort = port;
  await assertRejects(
    () => startEngine({ kvConnector: "nixl", sideChannelPort }),
    Error,
    "Cannot open the side channel",
  );
});

Deno.test("an engine changes its own faults, not those of its options", async () => {
  const { noFaults } = await import("../../lib/sim/mod.ts");
  const faults = { ...noFaults(), badJson: 2 };
  await using engine = await startEngine({ faults });
  engine.faults.badJson = 7;
  engine.faults.paths.push("/x");
  assertEquals([faults.badJson, faults.paths], [2, []]);
});
