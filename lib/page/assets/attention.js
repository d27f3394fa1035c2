// @ts-check
/** What somebody should look at. Pure. @module */
import { busy } from "./state.js";
import { byName } from "./format.js";
import { engineStanding, pairStanding } from "./words.js";

/** @typedef {import("./state.js").FleetState} FleetState */
/** @typedef {import("./words.js").Standing} Standing */
/**
 * @typedef {object} Concern
 * @property {string} key
 * @property {Standing} standing
 * @property {string} title
 * @property {string} [engine] Its id, where one is concerned.
 */

const WEIGHT = { bad: 0, warn: 1, idle: 2, good: 3 };

/**
 * All there is, the worst first.
 * @param {FleetState} state
 * @returns {readonly Concern[]}
 */
export function concerns({ router, engines, pairs, gone }) {
  /** @type {Concern[]} */
  const found = [];
  if (router?.ailment) {
    const standing = /** @type {const} */ ({ tone: "bad", icon: "square", label: "not ready" });
    found.push({
      key: "router",
      standing: { ...standing, why: router.ailment },
      title: "The router",
    });
  }
  if (router?.draining) {
    const why = "It takes nothing new, and ends what it has";
    const standing = /** @type {const} */ ({ tone: "warn", icon: "half", label: "draining" });
    found.push({ key: "drain", standing: { ...standing, why }, title: "The router" });
  }
  const left = [...gone.values()].map(({ engine }) => engine);
  for (const engine of [...engines.values(), ...left]) {
    const standing = engineStanding(engine);
    const own = engine.remarks["problems"];
    const why = Array.isArray(own) && own.length > 0 ? own.map(String).join("; ") : standing.why;
    if (standing.tone !== "bad" && standing.tone !== "warn") continue;
    const known = engine.state === "gone" ? {} : { engine: engine.id };
    found.push({
      key: `engine ${engine.id}`,
      standing: { ...standing, why },
      title: engine.id,
      ...known,
    });
  }
  for (const pair of pairs.values()) {
    const standing = pairStanding(pair);
    if (standing.tone === "good") continue;
    const title = `${pair.prefill} → ${pair.decode}`;
    found.push({ key: `pair ${title}`, standing, title, engine: pair.decode });
  }
  return found.sort((one, other) =>
    WEIGHT[one.standing.tone] - WEIGHT[other.standing.tone] || byName(one.title, other.title)
  );
}

/**
 * What a drain of an engine would leave, as a warning; empty for enough.
 * @param {FleetState} state
 * @param {string} id
 * @returns {string}
 */
export function drainWarning({ engines }, id) {
  const role = engines.get(id)?.role;
  const others = [...engines.values()].filter((engine) =>
    engine.id !== id && engine.role === role && engineStanding(engine).tone === "good"
  );
  if (others.length > 0) return "";
  const side = role === "any" ? "engine" : `${role} engine`;
  return `It is the only ${side} that serves: requests will wait or fail.`;
}

/**
 * Pairs of an engine, the busiest first.
 * @param {FleetState} state
 * @param {string} id
 */
export function pairsOf({ pairs, flows }, id) {
  return [...pairs].filter(([, { prefill, decode }]) => prefill === id || decode === id)
    .map(([key, pair]) => ({ key, pair, busy: busy(pair), rate: flows.get(key) ?? 0 }))
    .sort((one, other) =>
      other.busy - one.busy || other.rate - one.rate || other.pair.ok - one.pair.ok
    );
}
