import {
  attackTable,
  gapGrowthMs,
  problemOf,
  SPARE_BYTES,
} from "../../scripts/bench/bystander/report.ts";
import type { AttackResult } from "../../scripts/bench/bystander/round.ts";
import { ATTACKS } from "../../scripts/bench/bystander/attacks.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

const GOOD: AttackResult = {
  name: "half heads",
  by: "client",
  quiet: { largest: 25, p99: 22 },
  attacked: { largest: 50, p99: 44 },
  machineQuiet: { largest: 24, p99: 21 },
  machineAttacked: { largest: 36, p99: 30 },
  receivedBytes: 64 * 2 ** 20,
  grownBytes: 16 * 2 ** 20,
  lived: true,
};

Deno.test("gapGrowthMs() is what an attack adds to the largest gap, less what the machine does", () => {
  assertEquals(gapGrowthMs(GOOD), 13);
  assertEquals(gapGrowthMs({ ...GOOD, machineAttacked: { largest: 20, p99: 20 } }), 25);
});

Deno.test("problemOf() names what is not withstood", () => {
  const slow = { attacked: { largest: 87, p99: 30 } };
  const large = { grownBytes: GOOD.receivedBytes };
  assertEquals(problemOf(GOOD), undefined);
  assertEquals(problemOf({ ...GOOD, ...slow }), "gap");
  assertEquals(problemOf({ ...GOOD, attacked: { largest: NaN, p99: NaN } }), "gap");
  assertEquals(problemOf({ ...GOOD, ...large }), "memory");
  assertEquals(problemOf({ ...GOOD, ...slow, ...large }), "gap, memory");
  assertEquals(problemOf({ ...GOOD, lived: false }), "ended");
});

Deno.test("problemOf() spares a router that received little the memory of a young heap", () => {
  const little = { ...GOOD, receivedBytes: 10 };
  assertEquals(problemOf({ ...little, grownBytes: SPARE_BYTES - 1 }), undefined);
  assertEquals(problemOf({ ...little, grownBytes: SPARE_BYTES }), "memory");
});

Deno.test("attackTable() shows ratios to the quiet run", () => {
  const [, line = ""] = attackTable([GOOD]).split("\n");
  assertEquals(line.split(/ {2,}/), [
    "client: half heads",
    ...["25", "50", "2.0", "2.0", "1.5", "64.0", "16.0", "0.25", "ok"],
  ]);
  assertStringIncludes(attackTable([{ ...GOOD, receivedBytes: 0 }]), " - ");
});

Deno.test("attacks have names of their own", () => {
  assertEquals(new Set(ATTACKS.map(({ name }) => name)).size, ATTACKS.length);
});
