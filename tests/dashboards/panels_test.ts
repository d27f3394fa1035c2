import { parse } from "yaml";
import { METRICS, STACK_METRICS } from "../../lib/metrics/mod.ts";
import { dashboardText } from "../../scripts/dashboards/grafana.ts";
import { asked, ROWS, seriesOf } from "../../scripts/dashboards/panels.ts";
import { DASHBOARD_FILE } from "../../scripts/dashboards/write.ts";
import { assert, assertEquals } from "../support/assert.ts";

const ALERTS = new URL("../../scripts/deploy/helm/pd-router/files/alerts.yaml", import.meta.url);
const ALERT_TESTS = new URL("../../scripts/deploy/alerts_test.yaml", import.meta.url);

/** The series of every metric, with the parts of histograms. */
const KNOWN: ReadonlySet<string> = new Set(
  Object.entries({ ...METRICS, ...STACK_METRICS }).flatMap(([name, { kind }]) =>
    kind === "histogram" ? ["bucket", "sum", "count"].map((part) => `${name}_${part}`) : [name]
  ),
);

/** The labels by which `expr` selects or sums. */
function labelsIn(expr: string): readonly string[] {
  const by = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/,\s*/));
  const selected = [...expr.matchAll(/(\w+)(?:=~|!=|=)"/g)].map(([, label = ""]) => label);
  return [...by, ...selected].filter((label) => !SCRAPED.has(label));
}

/** Labels that Prometheus adds. */
const SCRAPED: ReadonlySet<string> = new Set(["instance", "job", "le"]);

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}

function rules(): readonly Rule[] {
  const { groups } = parse(Deno.readTextFileSync(ALERTS));
  return groups.flatMap(({ rules }: { readonly rules: readonly Rule[] }) => rules);
}

function knows(expr: string): void {
  const names = seriesOf(expr);
  assert(names.length > 0, expr);
  const all: Readonly<Record<string, { readonly labels: readonly string[] }>> = {
    ...METRICS,
    ...STACK_METRICS,
  };
  const labels = new Set<string>();
  for (const name of names) {
    assert(KNOWN.has(name), `${name} in ${expr}`);
    const { labels: own } = all[name.replace(/_(?:bucket|sum|count)$/, "")] ?? all[name] ??
      { labels: [] };
    for (const label of own) labels.add(label);
  }
  for (const label of labelsIn(expr)) assert(labels.has(label), `${label} in ${expr}`);
}

Deno.test("the dashboard asks for metrics that there are, by labels that they have", () => {
  const lines = ROWS.flatMap(({ panels }) => panels.flatMap(({ lines }) => lines));
  assert(lines.length > 40);
  for (const { expr, legend } of lines) {
    knows(expr);
    assert(!asked(expr, "1m").includes("$"), expr);
    const [, by = ""] = /by \(([^)]*)\)\(/.exec(expr) ?? [];
    for (const [, label = ""] of legend.matchAll(/\{\{(\w+)\}\}/g)) {
      assert(by.includes(label) || !expr.includes("by ("), `${label} of ${expr}`);
    }
  }
});

Deno.test("the dashboard's file is what its panels make", () => {
  const text = Deno.readTextFileSync(DASHBOARD_FILE);
  assert(text === dashboardText(ROWS), "run `deno run -A scripts/dashboards/write.ts`");
});

Deno.test("dashboardText() lays panels out side by side, none over another", () => {
  const { panels } = JSON.parse(dashboardText(ROWS));
  const taken = new Set<string>();
  for (const { gridPos: { x, y, w, h }, title } of panels) {
    assert(x + w <= 24, title);
    for (let row = y; row < y + h; row++) {
      for (let column = x; column < x + w; column++) {
        const place = `${row}:${column}`;
        assert(!taken.has(place), title);
        taken.add(place);
      }
    }
  }
  assertEquals(new Set(panels.map(({ id }: { readonly id: number }) => id)).size, panels.length);
});

Deno.test("alerts ask for metrics that there are, say where to look, and each is tested", () => {
  const tests = Deno.readTextFileSync(ALERT_TESTS);
  const all = rules();
  assert(all.length > 20);
  for (const { alert, expr, annotations } of all) {
    knows(expr);
    assert((annotations["summary"] ?? "") !== "" && (annotations["description"] ?? "") !== "");
    assert(tests.includes(alert), `${alert} has no test`);
  }
  assertEquals(new Set(all.map(({ alert }) => alert)).size, all.length);
});
