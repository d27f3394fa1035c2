/** One engine in the drawing. @module */
import { attribute, h, text } from "./dom.js";
import { count, percent } from "./format.js";
import { standingLine } from "./standing_view.js";
import { engineStanding } from "./words.js";

/** The share of a KV cache from which on it is nearly full. */
const NEARLY_FULL = 0.9;

/** A card of the engine called `id`, still without what is told of it; `open` shows all. */
export function card(id, open) {
  const parts = {
    standing: h("span", { class: "standing" }),
    inflight: h("b"),
    seats: h("span", { class: "unit" }),
    waiting: h("b"),
    gauge: h("span"),
    use: h("b"),
  };
  const unit = (label) => h("span", { class: "unit" }, label);
  const element = h("button", { type: "button", class: "engine", onclick: open }, [
    h("span", { class: "line" }, [h("span", { class: "id" }, id), parts.standing]),
    h("span", { class: "line measures" }, [
      h("span", { class: "measure inflight" }, [
        ...[parts.inflight, parts.seats, " ", unit("in flight"), " "],
      ]),
      h("span", { class: "measure waiting" }, [parts.waiting, " ", unit("waiting"), " "]),
      h("span", { class: "measure kv" }, [
        unit("KV"),
        h("span", { class: "gauge", "aria-hidden": "true" }, parts.gauge),
        parts.use,
      ]),
    ]),
  ]);
  element.parts = parts;
  return element;
}

/** Have a card tell what is told of its engine. */
export function drawCard(element, engine) {
  // An engine of which nothing else was told is the same object.
  if (element.shown === engine) return;
  element.shown = engine;
  const { standing: line, inflight, seats, waiting, gauge, use } = element.parts;
  const standing = engineStanding(engine);
  attribute(element, "data-tone", standing.tone);
  attribute(element, "title", standing.why === "" ? undefined : standing.why);
  standingLine(line, standing);
  text(inflight, count(engine.inflight));
  text(seats, engine.seats === null ? "" : `/${count(engine.seats)}`);
  text(waiting, count(engine.waiting));
  text(use, percent(engine.kv_use));
  const share = Math.min(1, Math.max(0, engine.kv_use ?? 0));
  gauge.style.transform = `scaleX(${share})`;
  attribute(gauge, "data-full", share >= NEARLY_FULL);
}
