import { Unplaced } from "../../lib/fleet/unplaced.ts";
import type { VerdictTold } from "../../lib/gossip/mod.ts";
import { assertEquals } from "../support/assert.ts";

const TOLD: VerdictTold = {
  version: 1,
  author: "0",
  shut: {
    why: "kv-timeout",
    pauseMs: 1_000,
    agoMs: 10,
    leftMs: 500,
    trial: { owner: "1", leftMs: 2_000, answering: false },
  },
  unfit: { why: "check-failed", agoMs: 5 },
};

Deno.test("Unplaced.take() gives what was told of an engine, as old as it is, and once", () => {
  const unplaced = new Unplaced();
  unplaced.put({ names: ["a"], told: TOLD, atMs: 100 });
  unplaced.put({ names: ["b"], told: { version: 1, author: "0" }, atMs: 100 });
  const [one, ...others] = unplaced.take("a", 800);
  assertEquals(others, []);
  assertEquals(one, {
    names: ["a"],
    told: {
      version: 1,
      author: "0",
      shut: {
        why: "kv-timeout",
        pauseMs: 1_000,
        agoMs: 710,
        leftMs: 0,
        trial: { owner: "1", leftMs: 1_300, answering: false },
      },
      unfit: { why: "check-failed", agoMs: 705 },
    },
    atMs: 800,
  });
  assertEquals([unplaced.take("a", 800), unplaced.size], [[], 1]);
});

Deno.test("Unplaced keeps the last of each, of pairs by either engine, and not too many", () => {
  const unplaced = new Unplaced();
  for (let version = 0; version < 3; version++) {
    unplaced.put({ names: ["a", "b"], told: { version, author: "0" }, atMs: 0 });
  }
  assertEquals(unplaced.take("b", 0).map(({ told }) => told.version), [2]);
  for (let index = 0; index < 5_000; index++) {
    unplaced.put({ names: [`e${index}`], told: TOLD, atMs: 0 });
  }
  assertEquals([unplaced.size, unplaced.take("e0", 0).length, unplaced.take("e4999", 0).length], [
    4_096,
    0,
    1,
  ]);
});
