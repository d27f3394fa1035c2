/** The fleet, drawn: engines of both sides, and the flows between them. @module */
import { attribute, byId, h, keep, text } from "./dom.js";
import { count, percent, plural } from "./format.js";
import { drawFlows } from "./flows_view.js";
import { densityOf, drawn, heightOf, middles, MOST_DRAWN, sides } from "./layout.js";
import { drawPairs } from "./pairs_view.js";
import { standingLine } from "./standing_view.js";
import { engineStanding } from "./words.js";

/** Engines from which on they can be filtered. */
const FILTERED = 24;

const SIDES = [
  { side: "prefill", title: "Prefill" },
  { side: "decode", title: "Decode" },
  { side: "any", title: "Engines" },
];

/** The drawing; `open` shows an engine. */
export class FleetView {
  #open;
  #all = false;
  #state;
  #parts;
  #near;

  constructor({ open }) {
    this.#open = open;
    const redraw = () => this.#state && this.draw(this.#state);
    const box = byId("drawing");
    for (const name of ["pointerover", "focusin", "pointerleave", "focusout"]) {
      box.addEventListener(name, ({ type, target }) => {
        const isNear = type === "pointerover" || type === "focusin";
        this.#point(
          isNear ? target.closest(".engine")?.querySelector(".id").textContent : undefined,
        );
      });
    }
    byId("fleet-filter").addEventListener("input", redraw);
    new ResizeObserver(redraw).observe(box);
  }

  /** Draw the fleet as `state` has it. */
  draw(state) {
    this.#state = state;
    const gone = [...state.gone.values()].map(({ engine }) => engine);
    const known = [...state.engines.values(), ...gone];
    const filter = byId("fleet-filter");
    filter.hidden = known.length < FILTERED;
    const wanted = filter.hidden ? "" : filter.value.trim().toLowerCase();
    const found = sides(
      wanted === "" ? known : known.filter(({ id }) => id.toLowerCase().includes(wanted)),
    );
    text(byId("fleet-note"), noteOf(state, known));
    if (known.length === 0) return this.#drawNothing();
    const parts = this.#parts ??= this.#make();
    const most = this.#all ? Infinity : MOST_DRAWN;
    const shown = {
      prefill: drawn(found.prefill, most),
      decode: drawn(found.decode, most),
      any: drawn(found.any, most),
    };
    const density = densityOf(Math.max(shown.prefill.length, shown.decode.length));
    attribute(parts.root, "data-density", density);
    attribute(parts.root, "data-alone", shown.prefill.length + shown.decode.length === 0);
    for (const { side } of SIDES) this.#drawSide(parts, side, found[side], shown[side]);
    const height = Math.max(
      heightOf(shown.prefill.length, density),
      heightOf(shown.decode.length, density),
    );
    const prefills = middles(shown.prefill, density, height);
    const decodes = middles(shown.decode, density, height);
    drawFlows(parts.flows, state, { prefills, decodes, height, density, near: this.#near });
    drawPairs(parts.pairs, state, { open: this.#open });
  }

  /** Have the flows of the engine `id` stand out; undefined for none. */
  #point(id) {
    if (this.#near === id || this.#parts === undefined) return;
    this.#near = id;
    this.draw(this.#state);
  }

  #make() {
    const parts = {};
    const root = h("div", { class: "sides" });
    for (const { side, title } of SIDES) {
      const more = h("button", { type: "button", class: `more more-${side}`, hidden: "" });
      more.addEventListener("click", () => {
        this.#all = !this.#all;
        this.draw(this.#state);
      });
      const list = h("ul", { class: "engines" });
      const head = h("h3", {}, [title, " ", h("span", { class: "aside" })]);
      const section = h("section", { class: `side side-${side}` }, [head, list]);
      parts[side] = { section, list, more, head };
    }
    const flows = h("div", { class: "flows", "aria-hidden": "true" });
    const pairs = h("details", { class: "pairs" });
    const { prefill, decode, any } = parts;
    root.append(
      ...[prefill.section, prefill.more, flows, decode.section, decode.more],
      ...[any.section, any.more],
    );
    byId("drawing").replaceChildren(root, pairs);
    return { ...parts, root, flows, pairs };
  }

  #drawSide(parts, side, all, shown) {
    const { section, list, more, head } = parts[side];
    section.hidden = side === "any" && all.length === 0;
    const serving = all.filter((engine) => engineStanding(engine).tone === "good").length;
    text(head.lastElementChild, all.length === 0 ? "none" : `${serving} of ${all.length} serve`);
    const hidden = all.length - shown.length;
    more.hidden = !this.#all && hidden === 0 || this.#all && all.length <= MOST_DRAWN;
    text(more, hidden > 0 ? `Show ${count(hidden)} more` : "Show fewer");
    keep(list, shown, {
      keyOf: ({ id }) => id,
      make: ({ id }) => h("li", {}, card(() => this.#open(id))),
      change: (element, engine) => drawCard(element.firstElementChild, engine),
    });
  }

  #drawNothing() {
    this.#parts = undefined;
    byId("drawing").replaceChildren(
      h("div", { class: "empty" }, [
        h("h3", {}, "No engines yet"),
        h("p", {}, "Start the router with --prefill URL and --decode URL, or add engines to it:"),
        h("pre", { tabindex: "0" }, [
          "pd-router engines add http://10.0.0.1:8000 --role prefill\n" +
          "pd-router engines add http://10.0.0.2:8000 --role decode",
        ]),
      ]),
    );
  }
}

function noteOf({ pairs, gone }, known) {
  if (known.length === 0) return "";
  const there = plural(known.length - gone.size, "engine");
  return pairs.size === 0 ? there : `${there}, ${plural(pairs.size, "pair")} with handoffs`;
}

function card(open) {
  return h("button", { type: "button", class: "engine", onclick: open }, [
    h("span", { class: "line" }, [h("span", { class: "id" }), h("span", { class: "standing" })]),
    h("span", { class: "line measures" }, [
      measure("inflight", "in flight", h("span", { class: "unit seats" })),
      measure("waiting", "waiting"),
      h("span", { class: "measure kv" }, [
        h("span", { class: "unit" }, "KV"),
        h("span", { class: "gauge", "aria-hidden": "true" }, h("span")),
        h("b"),
      ]),
    ]),
  ]);
}

function measure(name, label, more) {
  return h("span", { class: `measure ${name}` }, [
    h("b"),
    more,
    " ",
    h("span", { class: "unit" }, label),
    " ",
  ]);
}

function drawCard(element, engine) {
  // An engine of which nothing else was told is the same object.
  if (element.shown === engine) return;
  element.shown = engine;
  const standing = engineStanding(engine);
  attribute(element, "data-tone", standing.tone);
  attribute(element, "title", standing.why === "" ? undefined : standing.why);
  text(element.querySelector(".id"), engine.id);
  standingLine(element.querySelector(".standing"), standing);
  const { inflight, seats, waiting, kv_use: use } = engine;
  const figure = (name) => element.querySelector(`.${name} b`);
  text(figure("inflight"), count(inflight));
  text(element.querySelector(".seats"), seats === null ? "" : `/${count(seats)}`);
  text(figure("waiting"), count(waiting));
  text(figure("kv"), percent(use));
  const gauge = element.querySelector(".gauge span");
  gauge.style.transform = `scaleX(${Math.min(1, Math.max(0, use ?? 0))})`;
  attribute(gauge, "data-full", (use ?? 0) >= 0.9);
}
