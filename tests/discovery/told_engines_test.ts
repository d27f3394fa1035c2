import type { FoundEngine } from "../../lib/discovery/mod.ts";
import { ToldEngines } from "../../lib/discovery/told_engines.ts";
import { assertEquals } from "../support/assert.ts";
import { foundAt } from "./support.ts";

/** What is told, since the last look. */
function open(): { readonly told: ToldEngines; readonly lines: () => readonly string[] } {
  const lines: string[] = [];
  const told = new ToldEngines({
    found: ({ key, leaving }: FoundEngine) => void lines.push(`${leaving ? "~" : "+"}${key}`),
    lost: (key: string) => void lines.push(`-${key}`),
  }, 60_000);
  return { told, lines: () => lines.splice(0) };
}

const A = foundAt("a", "http://10.0.0.1:1");
const B = foundAt("b", "http://10.0.0.2:1");

Deno.test("ToldEngines.set() tells of each engine once, as it comes, leaves and is gone", () => {
  const { told, lines } = open();
  told.set("x", [A, B], 0);
  told.set("x", [A, B], 1000);
  assertEquals(lines(), ["+a", "+b"]);
  told.set("x", [B], 2000);
  told.set("x", [B], 61_999);
  assertEquals(lines(), ["~a"]);
  told.set("x", [B], 62_000);
  assertEquals([lines(), told.size], [["-a"], 1]);
});

Deno.test("ToldEngines.set() has engines stay that come back while they leave", () => {
  const { told, lines } = open();
  told.set("x", [A], 0);
  told.set("x", [], 1000);
  told.set("x", [A], 2000);
  told.set("x", [A], 100_000);
  assertEquals(lines(), ["+a", "~a", "+a"]);
});

Deno.test("ToldEngines.set() leaves engines of others alone", () => {
  const { told, lines } = open();
  told.set("x", [A], 0);
  told.set("y", [B], 0);
  told.set("y", [], 1000);
  told.set("x", [A], 100_000);
  assertEquals(lines(), ["+a", "+b", "~b"]);
});

Deno.test("ToldEngines.set() has no engine wait for one that leaves its address", () => {
  const other = foundAt("other", A.raw.url, { raw: { role: "decode" } });
  const one = open();
  one.told.set("x", [A], 0);
  one.told.set("x", [], 1000);
  one.told.set("y", [other], 2000);
  assertEquals(one.lines(), ["+a", "~a", "+other", "-a"]);
  // In whatever order the owners hear of it.
  const two = open();
  two.told.set("x", [A], 0);
  two.told.set("y", [other], 1000);
  two.told.set("x", [], 2000);
  assertEquals([two.lines(), two.told.size], [["+a", "+other", "-a"], 1]);
});
