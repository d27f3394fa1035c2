import { seededRandom } from "../../lib/base/mod.ts";
import { Given, SaidText, TokenList } from "../../lib/handoff/given.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { DECODE } from "./support.ts";

Deno.test("TokenList keeps ids in order, in memory that grows up to its bound", () => {
  const list = new TokenList(1_000);
  assertEquals([list.length, list.capacity], [0, 0], "nothing is taken before there is one");
  const ids = Array.from({ length: 1_000 }, (_, at) => at * 7);
  for (let at = 0; at < ids.length; at += 3) assert(list.add(ids.slice(at, at + 3)));
  assertEquals([list.length, list.capacity], [1_000, 1_000]);
  assertEquals([list.slice(), list.slice(-2), list.slice(1, 3)], [ids, [6_986, 6_993], [7, 14]]);
  assertEquals(list.add([1]), false);
  assertEquals([list.length, list.slice(-1)], [1_000, [6_993]]);
});

Deno.test("TokenList takes little memory for a short answer, whatever its bound", () => {
  const list = new TokenList(1_000_000);
  assert(list.add([1, 2, 3]));
  assertEquals(list.capacity, 64);
});

Deno.test("SaidText tells what a text has behind what was said, from its length and its end", () => {
  const random = seededRandom(3);
  const letters = Array.from({ length: 5_000 }, () => "ab é"[Math.floor(random.next() * 4)]);
  const whole = letters.join("");
  const said = new SaidText(10);
  for (let at = 0; at < 4_000; at += 17) said.add(whole.slice(at, Math.min(at + 17, 4_000)));
  assertEquals(said.length, 4_000);
  assertEquals(said.tail, whole.slice(3_936, 4_000));
  assertEquals(said.behind(whole), whole.slice(4_000));
  assertEquals(said.behind(whole.slice(0, 4_000)), "");
  assertEquals(said.behind(whole.slice(0, 3_999)), undefined, "less than was said");
  assertEquals(said.behind(`x${whole}`), undefined, "something else");
  assertEquals(new SaidText(0).behind("all"), "all");
});

Deno.test("Given is nothing to go on from where text came without ids, or more than there may be", () => {
  const given = new Given(3, DECODE);
  given.add([], false);
  given.add([1, 2], true);
  assertEquals([given.ids.slice(), given.obstacle], [[1, 2], undefined]);
  given.add([3, 4], true);
  assertEquals([given.ids.slice(), given.obstacle], [[1, 2], "no_ids"]);
  const silent = new Given(3, DECODE);
  silent.add([], true);
  assertEquals(silent.obstacle, "no_ids");
});

Deno.test("Given counts characters up to the last token's end", () => {
  const given = new Given(3, DECODE);
  given.told(["a", "😀b"], [4, 5]);
  assertEquals(given.spelled, 7);
  given.told([], []);
  assertEquals(given.spelled, 7);
});
