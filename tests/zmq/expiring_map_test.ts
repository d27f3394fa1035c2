import { ExpiringMap } from "../../lib/zmq/expiring_map.ts";
import { assertEquals } from "../support/assert.ts";

function mapOf(whenFull: "evict-oldest" | "reject", maxEntries = 2): ExpiringMap<number> {
  return new ExpiringMap({ ttlMs: 100, maxEntries, whenFull });
}

Deno.test("ExpiringMap.get() finds an entry until its age is the limit", () => {
  const map = mapOf("reject");
  map.set("a", 1, 0);
  assertEquals(map.get("a", 99), 1);
  assertEquals(map.get("a", 100), undefined);
  assertEquals(map.get("b", 0), undefined);
});

Deno.test("ExpiringMap.set() gives a known key a new value and a full life", () => {
  const map = mapOf("reject");
  map.set("a", 1, 0);
  map.set("b", 2, 10);
  assertEquals(map.set("a", 3, 50), true);
  assertEquals(map.get("a", 149), 3);
  map.evictExpired(110);
  assertEquals(map.size, 1, "only b has expired");
});

Deno.test("ExpiringMap.set() rejects one more than fits, unless others have expired", () => {
  const map = mapOf("reject");
  map.set("a", 1, 0);
  map.set("b", 2, 50);
  assertEquals(map.set("c", 3, 99), false);
  assertEquals([map.get("a", 99), map.get("b", 99), map.get("c", 99)], [1, 2, undefined]);
  assertEquals(map.set("c", 3, 100), true);
  assertEquals([map.get("a", 100), map.get("b", 100), map.get("c", 100)], [undefined, 2, 3]);
});

Deno.test("ExpiringMap.set() evicts the oldest when told so", () => {
  const map = mapOf("evict-oldest");
  map.set("a", 1, 0);
  map.set("b", 2, 1);
  assertEquals(map.set("c", 3, 2), true);
  assertEquals([map.get("a", 2), map.get("b", 2), map.get("c", 2)], [undefined, 2, 3]);
  assertEquals(map.size, 2);
});

Deno.test("ExpiringMap.take() removes what it returns, and what has expired", () => {
  const map = mapOf("reject");
  map.set("a", 1, 0);
  map.set("b", 2, 0);
  assertEquals(map.take("a", 50), 1);
  assertEquals(map.take("a", 50), undefined);
  assertEquals(map.take("b", 100), undefined);
  assertEquals(map.size, 0);
});

Deno.test("ExpiringMap.evictExpired() removes the expired and nothing else", () => {
  const map = mapOf("reject", 10);
  for (let index = 0; index < 5; index++) map.set(`k${index}`, index, index * 10);
  map.evictExpired(120);
  assertEquals(map.size, 2);
  assertEquals([map.get("k2", 120), map.get("k3", 120)], [undefined, 3]);
  map.clear();
  assertEquals(map.size, 0);
});
