import { silentLogger } from "../../lib/base/mod.ts";
import { EngineBook, ManualSource } from "../../lib/discovery/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { PLAIN, rawAt } from "./support.ts";

function urls(book: EngineBook): readonly string[] {
  return [...book.entries()].map(({ engine, key }) => engine?.url ?? `out ${key}`);
}

Deno.test("ManualSource tells its follower at once, and whoever adds knows when it has been taken", async () => {
  await using book = new EngineBook({ log: silentLogger(), rules: PLAIN });
  const manual = new ManualSource("admin");
  book.follow(manual);
  await settle();
  assertEquals(book.sources().map(({ name, synced }) => [name, synced]), [["admin", true]]);
  await manual.add(rawAt("http://a:1"));
  assertEquals(urls(book), ["http://a:1"]);
  const both = [manual.add(rawAt("http://b:1")), manual.remove("http://a:1")];
  await Promise.all(both);
  assertEquals(urls(book), ["http://b:1"]);
  assertEquals([manual.size, manual.has("http://a:1"), manual.has("http://b:1")], [1, false, true]);
});

Deno.test("ManualSource tells who follows later of all that is there, and keeps nobody waiting", async () => {
  const manual = new ManualSource("admin");
  await manual.add(rawAt("http://a:1"));
  await manual.add(rawAt("http://b:1"));
  await manual.remove("http://a:1");
  const book = new EngineBook({ log: silentLogger(), rules: PLAIN });
  const following = book.follow(manual);
  await settle();
  assertEquals(urls(book), ["http://b:1"]);
  const waiting = manual.add(rawAt("http://c:1"));
  following.end();
  await waiting;
  await manual.add(rawAt("http://d:1"));
  await book[Symbol.asyncDispose]();
});
