import { readMessage } from "../../lib/gossip/message.ts";
import { Teller, type Telling } from "../../lib/gossip/teller.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { IDLE, loadOf, Taken } from "./support.ts";

/** A teller, and what it has sent: the numbers and flags of updates, and their entries. */
class Told {
  readonly heads: string[] = [];
  readonly taken = new Taken();
  readonly teller = new Teller(7, (message) => {
    const head = readMessage(message, this.taken);
    if (head?.kind !== "update") throw new Error("It is no update");
    const { number, first, last } = head;
    this.heads.push(`${number}${first ? " first" : ""}${last ? " last" : ""}`);
  });

  tell(
    gather: (telling: Telling) => void,
    how: { readonly all?: boolean; readonly sign?: boolean } = {},
  ): readonly (readonly unknown[])[] {
    this.taken.entries.length = 0;
    this.teller.tell(gather, how);
    return [...this.taken.entries];
  }
}

Deno.test("Teller.tell() names an engine once, and tells of its load when that is another", () => {
  const told = new Told();
  const busy = loadOf({ inflight: 1, seats: 1 });
  assertEquals(told.tell((to) => to.load("a", busy)), [["name", 0, "a"], ["load", 0, busy]]);
  assertEquals(told.tell((to) => to.load("a", { ...busy })), []);
  assertEquals(told.tell((to) => to.load("a", IDLE)), [["load", 0, IDLE]]);
  assertEquals(told.heads, ["0", "1"]);
});

Deno.test("Teller.tell() says nothing of engines that have always been idle", () => {
  const told = new Told();
  assertEquals(told.tell((to) => to.load("a", IDLE)), []);
  assertEquals(told.tell((to) => to.load("a", IDLE), { all: true }), []);
  assertEquals([told.heads, told.teller.size], [["0 first last"], 1]);
});

Deno.test("Teller.tell() drops engines that are not told of any more, and uses their numbers again", () => {
  const told = new Told();
  const busy = loadOf({ inflight: 1 });
  const [a, b] = [(to: Telling) => to.load("a", busy), (to: Telling) => to.load("b", busy)];
  told.tell((to) => {
    a(to);
    b(to);
  });
  assertEquals(told.tell(b), [["drop", 0]]);
  const again = told.tell((to) => {
    b(to);
    to.load("c", busy);
  });
  assertEquals(again, [["name", 0, "c"], ["load", 0, busy]]);
  assertEquals(told.teller.size, 2);
});

Deno.test("Teller.tell() tells all from nothing on, with what is held against idle engines", () => {
  const told = new Told();
  const verdict = { version: 3, author: "0" };
  const busy = loadOf({ kvBytes: 9 });
  const gather = (to: Telling): void => {
    to.load("a", IDLE);
    to.load("b", busy);
    to.load("c", IDLE);
    to.verdict("a", verdict);
    to.pair("b", "c", verdict);
    to.key("k", {
      running: 1,
      requests: 2,
      tokens: 3,
      requestsResetMs: 4,
      tokensResetMs: 5,
    });
    to.address("10.0.0.1", 2);
  };
  told.tell(gather);
  const all = told.tell(gather, { all: true });
  assertEquals(all.map(([kind, ...rest]) => [kind, rest[0]]), [
    ["name", 1],
    ["load", 1],
    ["name", 0],
    ["verdict", 0],
    ["name", 2],
    ["pair", 1],
    ["key", "k"],
    ["address", "10.0.0.1"],
  ]);
  assertEquals(told.heads, ["0", "1 first last"]);
});

Deno.test("Teller.tell() gives a sign of life where one is asked for, and leaves no number out", () => {
  const told = new Told();
  told.tell(() => {});
  told.tell(() => {}, { sign: true });
  told.tell(() => {});
  told.tell(() => {}, { sign: true });
  assertEquals(told.heads, ["0", "1"]);
});

Deno.test("Teller.tell() has what is too much for one message go in several", () => {
  const told = new Told();
  const names = Array.from(
    { length: 3_000 },
    (_, index) => `http://engine-${index}:8000 e-${index}`,
  );
  const busy = loadOf({ inflight: 3 });
  const all = told.tell((to) => names.forEach((name) => to.load(name, busy)), { all: true });
  assertEquals(all.length, 2 * names.length);
  const [first, ...others] = told.heads;
  assert(others.length >= 2, `${told.heads.length} messages`);
  assertEquals([first, others.at(-1)], ["0 first", `${others.length} last`]);
  assertEquals(others.slice(0, -1), others.slice(0, -1).map((_, index) => String(index + 1)));
});
