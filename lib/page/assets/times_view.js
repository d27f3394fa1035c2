/** How times were spread: two distributions, and the quantiles of the others. @module */
import { attribute, byId, h, keep, svg, text } from "./dom.js";
import { count, duration, percent, plural } from "./format.js";
import { histogram } from "./histogram.js";

const DRAWN = [
  { name: "ttft", title: "Time to first token", none: "No stream has begun in that time" },
  { name: "kv_wait", title: "Wait for KV", none: "No handoff has waited in that time" },
];

const LISTED = [
  ["queue", "Queue"],
  ["tokenize", "Tokenize"],
  ["prefill", "Prefill"],
  ["first_byte", "First byte of decode"],
  ["itl", "Between tokens"],
  ["total", "Whole request"],
];

const QUANTILES = ["p50", "p95", "p99"];

/** Height of the highest bar. */
const HIGHEST = 92;

/** Draw the times of `state`. */
export function drawTimes({ times }) {
  const box = byId("distributions");
  const parts = box.parts ??= make(box);
  for (const { name, none } of DRAWN) drawOne(parts[name], times.get(name), none);
  const listed = LISTED.filter(([name]) => times.has(name));
  parts.table.hidden = listed.length === 0;
  keep(parts.rows, listed, {
    keyOf: ([name]) => name,
    make: ([, title]) => h("tr", {}, [h("th", { scope: "row" }, title), h("td"), h("td"), h("td")]),
    change(row, [name]) {
      const known = times.get(name);
      QUANTILES.forEach((each, index) => text(row.cells[index + 1], duration(known[each])));
    },
  });
}

function make(box) {
  const parts = {};
  for (const { name, title } of DRAWN) {
    const figures = h("dl", { class: "quantiles" });
    const chart = svg("svg", { class: "histogram", role: "img", "data-of": name });
    const empty = h("p", { class: "none" });
    const about = h("p", { class: "aside" });
    const head = h("div", { class: "head" }, [h("h3", {}, title), about]);
    parts[name] = { figures, chart, empty, about, title };
    box.append(h("div", { class: "distribution" }, [head, figures, chart, empty]));
  }
  const rows = h("tbody");
  const heads = ["", "Median", "95 %", "99 %"].map((name) =>
    name === "" ? h("td") : h("th", { scope: "col" }, name)
  );
  const table = h("table", { class: "others" }, [h("thead", {}, h("tr", {}, heads)), rows]);
  const title = h("div", { class: "head" }, h("h3", {}, "Other times"));
  box.append(h("div", { class: "distribution" }, [title, table]));
  return { ...parts, rows, table };
}

function drawOne({ figures, chart, empty, about, title }, distribution, none) {
  const there = distribution !== undefined;
  attribute(chart, "hidden", there ? undefined : "");
  figures.hidden = !there;
  empty.hidden = there;
  text(empty, none);
  text(about, there ? plural(distribution.count, "value") : "");
  if (!there) return;
  keep(figures, QUANTILES, {
    keyOf: (name) => name,
    make: (name) =>
      h("div", {}, [h("dt", {}, name === "p50" ? "median" : `${name.slice(1)} %`), h("dd")]),
    change: (element, name) => text(element.lastElementChild, duration(distribution[name])),
  });
  drawBars(chart, histogram(distribution), title, distribution);
}

function drawBars(chart, { bars, marks, ticks }, title, { p50, p95, count: all }) {
  const [median, most] = marks;
  // Words that would lie on one another stand on both sides.
  const isClose = median !== undefined && most !== undefined && most.at - median.at < 0.18;
  const leftOf = (name, at) => name === "p50" ? isClose && at > 0.15 : at > 0.85;
  const width = 360;
  const each = width / bars.length;
  attribute(chart, "viewBox", `0 0 ${width} ${HIGHEST + 34}`);
  attribute(
    chart,
    "aria-label",
    `${title} of ${count(all)}: median ${duration(p50)}, 95 % within ${duration(p95)}`,
  );
  chart.replaceChildren(
    svg("line", { class: "ground", x1: 0, x2: width, y1: HIGHEST + 12.5, y2: HIGHEST + 12.5 }),
    ...bars.map(({ height, label, count: value, share }, index) => {
      const tall = value === 0 ? 0 : Math.max(2, height * HIGHEST);
      return svg("rect", {
        class: "column",
        x: (index * each + 1.5).toFixed(1),
        width: (each - 3).toFixed(1),
        y: (HIGHEST + 12 - tall).toFixed(1),
        height: tall.toFixed(1),
        rx: 2,
      }, svg("title", {}, `${label}: ${count(value)} (${percent(share)})`));
    }),
    ...marks.filter(({ name }) => name !== "p99").map(({ name, at }) =>
      svg("g", { class: `quantile ${name}` }, [
        svg("line", { x1: at * width, x2: at * width, y1: 10, y2: HIGHEST + 12 }),
        svg("text", {
          x: at * width + (leftOf(name, at) ? -5 : 5),
          y: 9,
          "text-anchor": leftOf(name, at) ? "end" : "start",
        }, name === "p50" ? "median" : "95 %"),
      ])
    ),
    ...ticks.filter((_, index) => ticks.length < 8 || index % 2 === 0).map(({ at, text: label }) =>
      svg("text", { class: "tick", x: at * width, y: HIGHEST + 29, "text-anchor": "middle" }, label)
    ),
  );
}
