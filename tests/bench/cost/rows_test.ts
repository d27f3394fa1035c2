import type { Sample } from "../../../scripts/bench/cost/measure.ts";
import {
  compared,
  type Comparison,
  type Measure,
  rowOf,
  tableAsText,
} from "../../../scripts/bench/cost/rows.ts";
import { runMarkdown } from "../../../scripts/bench/cost/run.ts";
import { assertEquals } from "../../support/assert.ts";

const CPU: Measure = {
  key: "cpu",
  title: "CPU ms",
  digits: 2,
  of: ({ load, cpuSeconds }) => 1e3 * cpuSeconds / load.begun,
};

function sampleOf(cpuSeconds: number, failed = 0): Sample {
  return {
    load: {
      seconds: 1,
      begun: 100,
      answered: 100 - failed,
      failed,
      events: 0,
      bytes: 0,
      latency: null,
      first: null,
      gap: null,
      failure: failed > 0 ? "status 502" : "",
      cpuSeconds: 0,
    },
    cpuSeconds,
    engineSeconds: 0,
    steal: cpuSeconds / 100,
  };
}

const RATIO: Comparison = {
  key: "ratio",
  title: "of nginx",
  digits: 1,
  of: "cpu",
  to: "nginx",
  by: "ratio",
};

Deno.test("rowOf() shows medians of rounds, all failures and the largest steal", () => {
  assertEquals(rowOf("8", "router", [sampleOf(3), sampleOf(1, 2), sampleOf(2, 1)], [CPU]), {
    what: "8",
    way: "router",
    figures: { cpu: 20 },
    failed: 3,
    failure: "status 502",
    steal: 0.03,
  });
});

Deno.test("rowOf() has null for what cannot be told", () => {
  assertEquals(rowOf("8", "engine", [sampleOf(NaN)], [CPU]).figures, { cpu: null });
});

Deno.test("compared() compares with one way at the same load, and with nothing itself", () => {
  const rows = [
    rowOf("8", "nginx", [sampleOf(1)], [CPU]),
    rowOf("8", "router", [sampleOf(3)], [CPU]),
    rowOf("9", "nginx", [sampleOf(2)], [CPU]),
    rowOf("9", "router", [sampleOf(3)], [CPU]),
    rowOf("10", "router", [sampleOf(3)], [CPU]),
  ];
  assertEquals(compared(rows, [RATIO]).map(({ figures }) => figures["ratio"]), [
    null,
    3,
    null,
    1.5,
    null,
  ]);
  const added = compared(rows, [{ ...RATIO, by: "difference" }]);
  assertEquals(added.map(({ figures }) => figures["ratio"]), [null, 20, null, 10, null]);
});

const TABLE = {
  section: "requests",
  title: "Whole answers",
  columns: [CPU, RATIO],
  rows: compared([
    rowOf("8", "nginx", [sampleOf(1)], [CPU]),
    rowOf("8", "router", [sampleOf(3, 1)], [CPU]),
  ], [RATIO]),
};

Deno.test("tableAsText() tells what failed, and why", () => {
  assertEquals(
    tableAsText(TABLE),
    [
      "Whole answers",
      "           CPU ms  of nginx  failed",
      "8  nginx    10.00         -       0",
      "8  router   30.00       3.0       1",
      "  8, router: status 502",
    ].join("\n"),
  );
});

Deno.test("runMarkdown() says where and when, and names each load once", () => {
  const run = {
    date: "2026-01-02T03:04:05.678Z",
    machine: "2 cores",
    rounds: 3,
    versions: { nginx: "1.22.1" },
    tables: [TABLE],
  };
  assertEquals(
    runMarkdown(run),
    [
      "2026-01-02; 2 cores;",
      "medians of 3; nginx 1.22.1.",
      "",
      "**Whole answers**",
      "",
      "|  |  | CPU ms | of nginx | failed |",
      "|---|---|---|---|---|",
      "| 8 | nginx | 10.00 | - |  |",
      "|  | router | 30.00 | 3.0 | 1 |",
      "",
    ].join("\n"),
  );
});
