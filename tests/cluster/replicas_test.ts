import { MAX_REPLICAS, Replicas } from "../../lib/cluster/replicas.ts";
import { SILENT_MS } from "../../lib/gossip/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("Replicas counts those that are heard, until they have been silent", async () => {
  const clock = new FakeClock();
  const replicas = new Replicas(clock);
  replicas.heard("a");
  await clock.advance(SILENT_MS);
  replicas.heard("b");
  assertEquals(replicas.count, 2);
  await clock.advance(1);
  assertEquals(replicas.count, 1);
  replicas.heard("b");
  assertEquals(replicas.count, 1);
});

Deno.test("Replicas counts no more than it may", () => {
  const replicas = new Replicas(new FakeClock());
  for (let at = 0; at < MAX_REPLICAS + 5; at++) replicas.heard(String(at));
  assertEquals(replicas.count, MAX_REPLICAS);
});
