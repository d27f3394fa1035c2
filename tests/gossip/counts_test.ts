import { Counts } from "../../lib/gossip/mod.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("Counts.add() sums up by name, and keeps nothing of what is 0", () => {
  const counts = new Counts();
  counts.add("a", 2);
  counts.add("a", 1);
  counts.add("b", 1);
  assertEquals([counts.of("a"), counts.of("b"), counts.of("c"), counts.size], [3, 1, 0, 2]);
  counts.add("a", -3);
  counts.add("b", 0);
  assertEquals([counts.of("a"), counts.size], [0, 1]);
});
