import {
  parseMachineStat,
  readMachineStat,
  stealBetween,
} from "../../../scripts/bench/cost/steal.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";

Deno.test("parseMachineStat() reads the line of all cores, without guests counted twice", () => {
  const text = "cpu  10 1 20 100 5 2 3 9 7 7\ncpu0 1 1 1 1 1 1 1 1 1 1\nintr 5\n";
  assertEquals(parseMachineStat(text), { total: 150, idle: 105, steal: 9 });
});

Deno.test("parseMachineStat() refuses what has no such line", () => {
  assertThrows(() => parseMachineStat("cpu0 1 2 3\n"), Error, "/proc/stat");
  assertThrows(() => parseMachineStat("cpu  1 2 3\n"), Error, "/proc/stat");
});

Deno.test("stealBetween() is the share of the time between, 0 without any", () => {
  const before = { total: 100, idle: 50, steal: 5 };
  assertEquals(stealBetween(before, { total: 200, idle: 90, steal: 30 }), 0.25);
  assertEquals(stealBetween(before, before), 0);
});

Deno.test("readMachineStat() sees this machine", () => {
  const { total, idle } = readMachineStat();
  assert(total > idle && idle >= 0);
});
