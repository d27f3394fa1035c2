import {
  forgetPeak,
  parseProcessStat,
  readPeak,
  readProcessStat,
} from "../../scripts/bench/process_stat.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const FIELDS = "S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 15 16 17 18 19 20 1000 22";

Deno.test("parseProcessStat() reads CPU time and memory behind any program name", () => {
  for (const name of ["deno", "a b", "a) R 1 (b"]) {
    assertEquals(parseProcessStat(`42 (${name}) ${FIELDS}\n`), {
      cpuSeconds: 2,
      residentBytes: 4_096_000,
    });
  }
});

Deno.test("parseProcessStat() refuses a line that is too short", () => {
  assertThrows(() => parseProcessStat("42 (deno) S 1 2"), Error, "/proc/PID/stat");
});

Deno.test("readProcessStat() sees this process", () => {
  const { cpuSeconds, residentBytes } = readProcessStat(Deno.pid);
  assert(cpuSeconds > 0 && residentBytes > 2 ** 20);
});

Deno.test("readPeak() tells of memory that was given back, until forgetPeak()", () => {
  // Other tests of this process give memory back meanwhile.
  const grew = (): boolean => {
    const before = readProcessStat(Deno.pid).residentBytes;
    forgetPeak(Deno.pid);
    const held = new Uint8Array(64 * 2 ** 20).fill(1);
    return readPeak(Deno.pid) >= before + held.length / 2;
  };
  assert(Array.from({ length: 5 }, grew).includes(true));
});
