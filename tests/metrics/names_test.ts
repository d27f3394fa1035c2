import { METRICS, type MetricSpec } from "../../lib/metrics/mod.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";

const SPECS = Object.entries<MetricSpec>(METRICS);

Deno.test("METRICS names follow the conventions of Prometheus for their kind", () => {
  for (const [name, { kind }] of SPECS) {
    assertMatch(name, /^pd_router_[a-z]+(_[a-z]+)*$/);
    assertEquals(name.endsWith("_total"), kind === "counter", name);
    if (kind === "histogram") assert(name.endsWith("_seconds"), name);
  }
});

Deno.test("METRICS have a help sentence and label names that are no reserved words", () => {
  for (const [name, { help, labels }] of SPECS) {
    assertMatch(help, /^[A-Z].*\.$/, name);
    assertEquals(new Set(labels).size, labels.length, name);
    for (const label of labels) {
      assertMatch(label, /^[a-z]+(_[a-z]+)*$/, name);
      assertEquals(["le", "quantile", "job", "instance"].includes(label), false, name);
    }
  }
});

Deno.test("METRICS have rising buckets exactly where they are histograms", () => {
  for (const [name, { kind, buckets }] of SPECS) {
    assertEquals(buckets !== undefined, kind === "histogram", name);
    const sorted = [...new Set(buckets ?? [])].sort((a, b) => a - b);
    assertEquals([...buckets ?? []], sorted, name);
    assertEquals(sorted.some((bucket) => bucket <= 0), false, name);
  }
});
