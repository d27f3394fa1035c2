import fc from "fast-check";
import { Linked, LinkedList } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

class Named extends Linked {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }
}

/** Names in the order of the list. */
function named(list: LinkedList<Named>): readonly string[] {
  return [...list].map(({ name }) => name);
}

Deno.test("LinkedList is what a Set is, whatever comes and goes", () => {
  const step = fc.record({ what: fc.constantFrom("add", "delete", "clear"), at: fc.nat(9) });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const members = Array.from({ length: 10 }, (_, index) => new Named(`${index}`));
    const list = new LinkedList<Named>();
    const set = new Set<Named>();
    for (const { what, at } of steps) {
      const one = members[at];
      if (one === undefined) continue;
      if (what === "clear") {
        list.clear();
        set.clear();
      } else if (what === "delete") assertEquals(list.delete(one), set.delete(one));
      else if (!set.has(one)) {
        list.add(one);
        set.add(one);
      }
      assertEquals(named(list), [...set].map(({ name }) => name));
      assertEquals([list.size, list.first?.name], [set.size, [...set][0]?.name]);
    }
  }));
});

Deno.test("LinkedList leaves nothing at those that have gone that leads to others", () => {
  const list = new LinkedList<Named>();
  const [a, b, c] = [new Named("a"), new Named("b"), new Named("c")];
  for (const one of [a, b, c]) list.add(one);
  assert(list.delete(b));
  assertEquals([b.before, b.behind, b.list], [undefined, undefined, undefined]);
  list.clear();
  assertEquals([a.behind, c.before, c.list], [undefined, undefined, undefined]);
});

Deno.test("LinkedList does not remove what is in another", () => {
  const [list, other] = [new LinkedList<Named>(), new LinkedList<Named>()];
  const one = new Named("one");
  other.add(one);
  assertEquals(list.delete(one), false);
  assertEquals([list.size, named(other)], [0, ["one"]]);
  assert(other.delete(one));
  list.add(one);
  assertEquals(named(list), ["one"]);
});
