/** Handoffs pair by pair, in words: what the drawing shows, for whoever does not see it. @module */
import { h, keep, text } from "./dom.js";
import { ago, count, duration, plural, rate } from "./format.js";
import { standingLine } from "./standing_view.js";
import { busy, pairKey } from "./state.js";
import { pairStanding } from "./words.js";

/** Pairs that are listed: those that something speaks against, then the busiest. */
const MOST_LISTED = 40;

const COLUMNS = [
  "Pair",
  "Verdict",
  "Under way",
  "A second",
  "Ended well",
  "Failed",
  "KV wait",
  "Last",
];

/** Draw the pairs of `state` into `box`, a `details`; `open` shows an engine. */
export function drawPairs(box, state, { open }) {
  const all = [...state.pairs.values()];
  box.hidden = all.length === 0;
  const parts = box.parts ??= make(box);
  text(parts.summary, `${plural(all.length, "pair")} with handoffs, one by one`);
  if (!box.open) return parts.rows.replaceChildren(), parts.rows.kept?.clear();
  const seen = all.map((pair) => ({
    pair,
    standing: pairStanding(pair),
    underWay: busy(pair),
    rate: state.flows.get(pairKey(pair)) ?? 0,
  })).sort((one, other) =>
    Number(one.standing.tone === "good") - Number(other.standing.tone === "good") ||
    other.underWay - one.underWay || other.rate - one.rate || other.pair.ok - one.pair.ok
  );
  keep(parts.rows, seen.slice(0, MOST_LISTED), {
    keyOf: ({ pair }) => pairKey(pair),
    make: ({ pair }) =>
      h("tr", {}, [
        h("th", { scope: "row" }, [
          h("button", { type: "button", onclick: () => open(pair.prefill) }, pair.prefill),
          " → ",
          h("button", { type: "button", onclick: () => open(pair.decode) }, pair.decode),
        ]),
        h("td", { class: "verdict" }, h("p", { class: "standing" })),
        ...COLUMNS.slice(2).map(() => h("td")),
      ]),
    change(row, { pair, standing, underWay, rate: flow }) {
      standingLine(row.querySelector(".standing"), standing);
      row.title = standing.why;
      const last = pair.last === null ? "" : ago(state.now - pair.last);
      const cells = [
        count(underWay),
        rate(flow),
        count(pair.ok),
        count(pair.failed),
        duration(pair.kv_wait),
        last,
      ];
      cells.forEach((value, index) => text(row.cells[index + 2], value));
    },
  });
}

function make(box) {
  const summary = h("summary");
  const rows = h("tbody");
  const table = h("table", {}, [
    h("thead", {}, h("tr", {}, COLUMNS.map((name) => h("th", { scope: "col" }, name)))),
    rows,
  ]);
  // Where nothing is drawn, they stand in its place.
  box.open = matchMedia("(max-width: 760px)").matches;
  box.replaceChildren(summary, h("div", { class: "wide", tabindex: "0" }, table));
  return { summary, rows };
}
