/** The dashboard as Grafana imports it. @module */
import type { Panel, PanelRow } from "./panels.ts";

/** Of Grafana 11: later ones take it and convert it. */
const SCHEMA = 39;

/** Height of a panel of each shape, in Grafana's rows. */
const HEIGHTS: Readonly<Record<Panel["shape"], number>> = { course: 8, figure: 4 };

/** Columns of a dashboard. */
const COLUMNS = 24;

const SOURCE = { type: "prometheus", uid: "${datasource}" } as const;

/** JSON with a new line at its end; the same for the same rows. */
export function dashboardText(rows: readonly PanelRow[]): string {
  return `${JSON.stringify(dashboard(rows), undefined, 2)}\n`;
}

function dashboard(rows: readonly PanelRow[]): unknown {
  return {
    uid: "pd-router",
    title: "pd-router",
    description: "Prefill and decode engines behind one API: where time goes, whether KV moves.",
    tags: ["pd-router", "vllm"],
    schemaVersion: SCHEMA,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: "10s",
    time: { from: "now-30m", to: "now" },
    templating: { list: variables() },
    panels: placed(rows),
  };
}

function variables(): readonly unknown[] {
  return [
    { name: "datasource", label: "Prometheus", type: "datasource", query: "prometheus" },
    {
      name: "router",
      label: "Router",
      type: "query",
      datasource: SOURCE,
      query: { query: "label_values(pd_router_accepting, instance)", refId: "router" },
      refresh: 2,
      multi: true,
      includeAll: true,
      allValue: ".*",
      current: { selected: true, text: ["All"], value: ["$__all"] },
    },
  ];
}

/** Every row with a heading; panels from left to right, and on below. */
function placed(rows: readonly PanelRow[]): readonly unknown[] {
  const all: unknown[] = [];
  let top = 0;
  for (const { title, panels } of rows) {
    all.push({
      id: all.length + 1,
      type: "row",
      title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y: top++, w: COLUMNS, h: 1 },
    });
    let left = 0;
    let height = 0;
    for (const panel of panels) {
      if (left + panel.width > COLUMNS) {
        top += height;
        left = 0;
        height = 0;
      }
      const h = HEIGHTS[panel.shape];
      all.push(panelOf(panel, all.length + 1, { x: left, y: top, w: panel.width, h }));
      left += panel.width;
      height = Math.max(height, h);
    }
    top += height;
  }
  return all;
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

function panelOf(panel: Panel, id: number, gridPos: Place): unknown {
  const { title, text, unit, shape, lines } = panel;
  const isFigure = shape === "figure";
  return {
    id,
    type: isFigure ? "stat" : "timeseries",
    title,
    description: text,
    datasource: SOURCE,
    gridPos,
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        ...(isFigure ? { thresholds: thresholds(panel) } : {
          custom: { lineWidth: 1, fillOpacity: 10, showPoints: "never", spanNulls: 60_000 },
        }),
      },
      overrides: [],
    },
    options: isFigure ? FIGURE : COURSE,
    targets: lines.map(({ expr, legend }, at) => ({
      refId: String.fromCharCode("A".charCodeAt(0) + at),
      datasource: SOURCE,
      expr,
      legendFormat: legend,
      range: true,
    })),
  };
}

const FIGURE = {
  reduceOptions: { calcs: ["lastNotNull"] },
  colorMode: "value",
  graphMode: "area",
} as const;

const COURSE = {
  legend: { displayMode: "list", placement: "bottom" },
  tooltip: { mode: "multi", sort: "desc" },
} as const;

function thresholds({ amissFrom, amissBelow }: Panel): unknown {
  const steps = amissFrom !== undefined
    ? [{ color: "green", value: null }, { color: "red", value: amissFrom }]
    : amissBelow !== undefined
    ? [{ color: "red", value: null }, { color: "green", value: amissBelow }]
    : [{ color: "text", value: null }];
  return { mode: "absolute", steps };
}
