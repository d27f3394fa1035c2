import fc from "fast-check";
import { FairLine, type Standing } from "../../lib/flow/fair_line.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** A line of items that are called `key lane priority name`. */
function lineOf(...items: readonly string[]): FairLine<string> {
  const line = new FairLine<string>();
  for (const item of items) line.add(item, standingOf(item));
  return line;
}

function standingOf(item: string): Standing {
  const [key = "", lane = "", priority = "0"] = item.split(" ");
  return { key, lane, priority: Number(priority) };
}

/** Who goes when there is room for `count`. */
function served(line: FairLine<string>, count = Infinity): readonly string[] {
  const gone: string[] = [];
  line.serve((item) => {
    if (gone.length >= count) return false;
    gone.push(item);
    return true;
  });
  return gone;
}

Deno.test("FairLine.serve() serves all keys in turn, however many wait of each", () => {
  const line = lineOf("a x 0 1", "a x 0 2", "a x 0 3", "b x 0 1", "c x 0 1", "c x 0 2");
  assertEquals(served(line), ["a x 0 1", "b x 0 1", "c x 0 1", "a x 0 2", "c x 0 2", "a x 0 3"]);
  assertEquals([line.length, line.keys, line.has("x")], [0, 0, false]);
});

Deno.test("FairLine.serve() goes on in turn where it stopped", () => {
  const line = lineOf("a x 0 1", "a x 0 2", "b x 0 1", "b x 0 2");
  assertEquals([served(line, 1), served(line, 1), served(line, 1)].flat(), [
    "a x 0 1",
    "b x 0 1",
    "a x 0 2",
  ]);
});

Deno.test("FairLine.serve() goes by priority within a key, and by arrival among equals", () => {
  const line = lineOf("a x 5 1", "a x 0 1", "a x -3 1", "a x 0 2", "b x 9 1");
  assertEquals(served(line), ["a x -3 1", "b x 9 1", "a x 0 1", "a x 0 2", "a x 5 1"]);
});

Deno.test("FairLine.serve() lets nobody of a lane pass its first that cannot go, and others go", () => {
  const line = lineOf("a x 0 large", "a x 0 2", "b x 0 1", "a y 0 1", "b y 0 1");
  const offered: string[] = [];
  line.serve((item) => {
    offered.push(item);
    return item.includes("y");
  });
  assertEquals(offered, ["a x 0 large", "a y 0 1", "b y 0 1"]);
  assertEquals([line.length, line.has("y")], [3, false]);
});

Deno.test("FairLine.serve() offers nothing to lanes that are not concerned", () => {
  const line = lineOf("a x 0 1", "a y 0 1");
  const offered: string[] = [];
  line.serve((item) => offered.push(item) > 0, (item) => item.startsWith("a y"));
  assertEquals(offered, ["a y 0 1"]);
});

Deno.test("FairLine.serve() counts nobody twice who takes itself out as it accepts", () => {
  const line = lineOf("a x 0 1", "a x 0 2", "a x 0 3");
  line.serve((item) => item.endsWith("1") && line.remove(item));
  assertEquals([line.length, line.of("a"), served(line)], [2, 2, ["a x 0 2", "a x 0 3"]]);
});

Deno.test("FairLine.remove() takes out whoever waits, once", () => {
  const line = lineOf("a x 0 1", "a x 0 2", "a x 0 3");
  assertEquals([line.remove("a x 0 2"), line.remove("a x 0 2"), line.holds("a x 0 2")], [
    true,
    false,
    false,
  ]);
  assertEquals(served(line), ["a x 0 1", "a x 0 3"]);
});

Deno.test("FairLine.lastOfLongest() is the last of the key of which most wait", () => {
  const line = lineOf("a x 0 1", "b x 0 1", "b y 7 2", "b x 0 3");
  assertEquals(line.lastOfLongest(), { item: "b y 7 2", key: "b", count: 3 });
  assertEquals(lineOf().lastOfLongest(), undefined);
});

Deno.test("FairLine counts nobody twice and loses nobody, whatever comes and goes", () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant("add" as const),
      key: fc.constantFrom("a", "b", "c"),
      lane: fc.constantFrom("x", "y"),
      priority: fc.integer({ min: -2, max: 2 }),
    }),
    fc.record({ kind: fc.constant("remove" as const), at: fc.nat(20) }),
    fc.record({ kind: fc.constant("serve" as const), room: fc.nat(3) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const line = new FairLine<string>();
    const waiting = new Map<string, Standing>();
    let next = 0;
    for (const one of steps) {
      if (one.kind === "add") {
        const item = `item ${next++}`;
        line.add(item, one);
        waiting.set(item, one);
      } else if (one.kind === "remove") {
        const item = [...waiting.keys()][one.at];
        if (item !== undefined) {
          assertEquals([line.remove(item), waiting.delete(item)], [true, true]);
        }
      } else {
        const gone = served(line, one.room);
        assertEquals(gone.length, Math.min(one.room, waiting.size));
        for (const item of gone) assert(waiting.delete(item), "it waited");
      }
      assertEquals(line.length, waiting.size);
      for (const key of ["a", "b", "c"]) {
        assertEquals(
          line.of(key),
          [...waiting.values()].filter((other) => other.key === key).length,
        );
      }
    }
    assertEquals([...served(line)].sort(), [...waiting.keys()].sort());
  }));
});
