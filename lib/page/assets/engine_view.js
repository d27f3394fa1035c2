/** One engine with all that is told of it, and its drain. @module */
import { drainWarning, pairsOf } from "./attention.js";
import { byId, h, keep, text } from "./dom.js";
import { count, duration, percent, plural, rate } from "./format.js";
import { facts, Panel } from "./panel.js";
import { standingLine } from "./standing_view.js";
import { engineStanding, pairStanding } from "./words.js";

/** Pairs that are listed. */
const MOST_PAIRS = 12;

/** The panel of one engine at a time. */
export class EngineView {
  #panel;
  #api;
  #onError;
  #id;
  #state;
  #parts;
  /** What was asked for and is not confirmed, or is under way. */
  #step = "rest";

  constructor({ api, onError }) {
    this.#api = api;
    this.#onError = onError;
    this.#panel = new Panel(byId("engine-dialog"), "engine", () => this.#id = undefined);
  }

  /** Show the engine called `id`. */
  open(id, state) {
    this.#id = id;
    this.#step = "rest";
    this.#parts = {
      standing: h("p", { class: "standing" }),
      why: h("p", { class: "why" }),
      facts: h("div"),
      pairs: h("div"),
      remarks: h("div"),
      actions: h("div", { class: "actions" }),
    };
    this.#panel.show(id, id, Object.values(this.#parts));
    this.draw(state);
    this.#drawActions();
  }

  /** Draw what `state` has of it. */
  draw(state) {
    this.#state = state;
    if (this.#id === undefined) return;
    const engine = state.engines.get(this.#id) ?? state.gone.get(this.#id)?.engine;
    const parts = this.#parts;
    if (engine === undefined) {
      text(parts.why, "There is no engine of that name any more.");
      return parts.actions.replaceChildren();
    }
    const standing = engineStanding(engine);
    standingLine(parts.standing, standing);
    text(parts.why, standing.why);
    parts.facts.replaceChildren(factsOf(engine));
    drawPairsOf(parts.pairs, state, this.#id);
    drawRemarks(parts.remarks, engine.remarks);
    const offered = `${engine.drained} ${engine.state === "gone"}`;
    if (this.#step === "rest" && parts.offered !== offered) this.#drawActions();
    parts.offered = offered;
  }

  #drawActions() {
    const { actions } = this.#parts;
    const engine = this.#state.engines.get(this.#id);
    if (engine === undefined) return actions.replaceChildren();
    const verb = engine.drained ? "undrain" : "drain";
    if (this.#step === "rest") {
      const word = engine.drained ? "Let it serve again…" : "Drain this engine…";
      const ask = h("button", { type: "button" }, word);
      ask.addEventListener("click", () => {
        this.#step = "asked";
        this.#drawActions();
        actions.querySelector(".cancel").focus();
      });
      return actions.replaceChildren(ask);
    }
    const said = h("p", { class: "question" }, questionOf(this.#state, engine));
    const yes = h(
      "button",
      { type: "button", class: "sure" },
      engine.drained ? "Undrain" : "Drain",
    );
    const no = h("button", { type: "button", class: "cancel" }, "Cancel");
    const rest = () => {
      this.#step = "rest";
      this.#drawActions();
      actions.querySelector("button")?.focus();
    };
    no.addEventListener("click", rest);
    yes.addEventListener("click", async () => {
      yes.disabled = true;
      text(said, engine.drained ? "Undraining…" : "Draining…");
      try {
        await this.#api.ask("POST", `admin/engines/${encodeURIComponent(engine.id)}/${verb}`);
        text(said, engine.drained ? "It serves again." : "It gets nothing new.");
        this.#step = "rest";
        actions.replaceChildren(said);
        // The stream tells next how it stands, and what can be done then.
        this.#parts.offered = undefined;
      } catch (error) {
        rest();
        actions.append(h("p", { class: "refusal", role: "alert" }, error.message));
        if (error.status === 401) this.#onError(error);
      }
    });
    actions.replaceChildren(said, yes, no);
  }
}

function questionOf(state, { id, drained, inflight }) {
  if (drained) return `Let ${id} serve again?`;
  const left = inflight === 0
    ? "It has nothing under way."
    : `It ends the ${plural(inflight, "request")} that it has.`;
  return `Drain ${id}? It gets nothing new. ${left} ${drainWarning(state, id)}`.trim();
}

function factsOf(engine) {
  const { seats, inflight, role, elastic, latency, itl } = engine;
  const seconds = (value) => duration(value === null ? null : value * 1_000);
  return facts([
    ["Address", engine.url],
    ["Role", elastic ? `${role}, and can be on either side` : role],
    ["Models", engine.models.join(", ")],
    ["In flight", seats === null ? count(inflight) : `${count(inflight)} of ${count(seats)} seats`],
    ["Running in it", count(engine.running)],
    ["Waiting in it", count(engine.waiting)],
    ["KV cache in use", percent(engine.kv_use)],
    ["Prefix cache hits", percent(engine.hit_rate)],
    ["Requests a second", engine.qps === null ? "–" : rate(engine.qps)],
    ["Time of a request", seconds(latency)],
    ["Between tokens", seconds(itl)],
  ]);
}

function drawPairsOf(box, state, id) {
  const all = pairsOf(state, id);
  if (all.length === 0) return box.replaceChildren();
  if (box.list === undefined || box.firstChild === null) {
    box.list = h("ul", { class: "peers" });
    box.replaceChildren(h("h3", {}, "Handoffs with"), box.list);
  }
  keep(box.list, all.slice(0, MOST_PAIRS), {
    keyOf: ({ key }) => key,
    make: () =>
      h("li", {}, [
        h("span", { class: "id" }),
        h("span", { class: "standing" }),
        h("span", { class: "aside" }),
        h("span", { class: "why" }),
      ]),
    change(element, { pair, busy, rate: flow }) {
      const standing = pairStanding(pair);
      const [name, line, figures, why] = element.children;
      text(name, pair.prefill === id ? pair.decode : pair.prefill);
      standingLine(line, standing);
      text(
        figures,
        `${count(busy)} under way · ${rate(flow)}/s · ${count(pair.ok)} ok, ` +
          `${count(pair.failed)} failed · KV ${duration(pair.kv_wait)}`,
      );
      text(why, standing.why);
    },
  });
}

/** What else is remarked of it, as it is told. */
function drawRemarks(box, remarks) {
  const told = JSON.stringify(remarks);
  if (box.told === told) return;
  box.told = told;
  const lines = Object.entries(remarks).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each) => [name.replaceAll("_", " "), said(each)])
  );
  box.replaceChildren(...lines.length === 0 ? [] : [h("h3", {}, "Remarks"), facts(lines)]);
}

function said(value) {
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([name, each]) => `${name} ${typeof each === "object" ? JSON.stringify(each) : each}`)
    .join(", ");
}
