/** The top of the page: how the router stands, its figures, and what needs a look. @module */
import { concerns } from "./attention.js";
import { byId, h, keep, svg, text } from "./dom.js";
import { bytes, count, duration, percent, plural, rate, span } from "./format.js";
import { standingLine } from "./standing_view.js";

/** Concerns that are listed. */
const MOST_LISTED = 8;

/** Rates from which on there is a line to be seen. */
const LEAST_RATES = 8;

const FIGURES = [
  {
    name: "Requests a second",
    value: ({ router }) => rate(router.rate),
    note: ({ router: { ended } }) => {
      const failed = ended.server_error + ended.stream_error;
      const whole = ended.ok + failed;
      return whole === 0
        ? "none has ended yet"
        : `${percent(ended.ok / whole)} of ${count(whole)} ok`;
    },
    spark: true,
  },
  {
    name: "Under way",
    value: ({ router }) => count(router.under_way),
    note: ({ router }) => plural(router.connections, "connection"),
  },
  {
    name: "Queued",
    value: ({ router }) => count(router.queued),
    note: ({ times }) => p95(times.get("queue")) ?? "for room at engines",
  },
  {
    name: "Waiting for KV",
    value: ({ router }) => count(router.kv_waiters),
    note: ({ router }) => `${bytes(router.buffered_bytes)} held`,
  },
  {
    name: "First token",
    value: ({ times }) => duration(times.get("ttft")?.p50),
    note: ({ times }) => p95(times.get("ttft")) ?? "of streams, median",
  },
  {
    name: "KV wait",
    value: ({ times }) => duration(times.get("kv_wait")?.p50),
    note: ({ times }) => p95(times.get("kv_wait")) ?? "of handoffs, median",
  },
];

function p95(times) {
  return times === undefined ? undefined : `95 % within ${duration(times.p95)}`;
}

/** Draw the top by `state`; `open` shows an engine. */
export function drawHead(state, { open }) {
  const { router, hello } = state;
  if (router === undefined || hello === undefined) return;
  const standing = router.draining
    ? { tone: "warn", icon: "half", label: "Draining" }
    : router.ready
    ? { tone: "good", icon: "dot", label: "Ready" }
    : { tone: "bad", icon: "square", label: "Not ready" };
  standingLine(byId("state"), standing);
  const kv = hello.kv === "none" ? "no handoffs" : `KV by ${hello.kv}`;
  text(
    byId("facts"),
    `${hello.version} · ${kv} · up ${span(state.now - hello.started)}`,
  );
  drawFigures(state);
  drawConcerns(state, open);
}

function drawFigures(state) {
  keep(byId("figures"), FIGURES, {
    keyOf: ({ name }) => name,
    make: ({ name, spark }) =>
      h("div", { class: "figure" }, [
        h("p", { class: "name" }, name),
        h("p", { class: "value" }),
        h("p", { class: "note" }),
        spark === true && sparkline(),
      ]),
    change(element, { value, note }) {
      text(element.querySelector(".value"), value(state));
      text(element.querySelector(".note"), note(state));
      const line = element.querySelector(".spark path");
      if (line !== null) line.setAttribute("d", sparkPath(state.rates));
    },
  });
}

/** Where the highest rate is; the picture says no more than the figure beside it. */
function sparkline() {
  return svg("svg", {
    class: "spark",
    viewBox: "0 0 120 32",
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  }, [svg("path", {})]);
}

function sparkPath(rates) {
  if (rates.length < LEAST_RATES) return "";
  const highest = Math.max(1, ...rates);
  const last = Math.max(rates.length, 40) - 1;
  return rates.map((each, index) => {
    const x = (last - rates.length + 1 + index) / last * 120;
    return `${index === 0 ? "M" : "L"}${x.toFixed(1)} ${(30 - each / highest * 28).toFixed(1)}`;
  }).join("");
}

function drawConcerns(state, open) {
  const all = concerns(state);
  byId("concerns").hidden = all.length === 0;
  const word = all.length === 1 ? "1 thing needs a look" : `${all.length} things need a look`;
  text(byId("concerns-title"), word);
  const first = document.querySelector("title");
  text(first, all.length === 0 ? "pd-router" : `(${all.length}) pd-router`);
  keep(byId("concern-list"), all.slice(0, MOST_LISTED), {
    keyOf: ({ key }) => key,
    make: ({ engine }) =>
      h("li", {}, [
        h("p", { class: "standing" }),
        engine === undefined
          ? h("strong")
          : h("button", { type: "button", class: "name", onclick: () => open(engine) }),
        h("p", { class: "why" }),
      ]),
    change(element, { standing, title }) {
      standingLine(element.querySelector(".standing"), standing);
      text(element.querySelector("strong, .name"), title);
      text(element.querySelector(".why"), standing.why);
    },
  });
}
