// @ts-check
/** Where engines stand in the drawing, and how flows run between them. Pure. @module */
import { byName } from "./format.js";
import { busy, pairKey } from "./state.js";
import { engineStanding, pairStanding } from "./words.js";

/** @typedef {import("./words.js").EngineLive} EngineLive */
/** @typedef {import("./words.js").PairLive} PairLive */
/** @typedef {import("./words.js").Standing} Standing */
/** @typedef {"roomy" | "snug" | "dense"} Density */

/**
 * Heights of an engine and of the gap to the next, in CSS pixels, as engine.css has them, and how broad
 * flows are drawn.
 */
export const SIZES = {
  roomy: { height: 96, gap: 16, broad: 1.3 },
  snug: { height: 62, gap: 8, broad: 1 },
  dense: { height: 34, gap: 4, broad: 0.8 },
};

/** Engines of one side that are drawn unless all are asked for. */
export const MOST_DRAWN = 60;

/** Flows that are drawn: the busiest, and those that something speaks against. */
export const MOST_FLOWS = 400;

/** Width of the broadest flow, in CSS pixels where it is neither broad nor narrow. */
const BROADEST = 18;

/** How much of an engine's height its flows may take. */
const SPREAD = 0.8;

/**
 * Engines by side, in the order of their names; `any` serves alone.
 * @param {Iterable<EngineLive>} engines
 */
export function sides(engines) {
  /** @type {Record<EngineLive["role"], EngineLive[]>} */
  const found = { prefill: [], decode: [], any: [] };
  for (const engine of engines) found[engine.role].push(engine);
  for (const side of Object.values(found)) side.sort((one, other) => byName(one.id, other.id));
  return found;
}

/**
 * Those of a side that are drawn: all, or `most` of them, first what needs a look, then the busiest.
 * @param {readonly EngineLive[]} side
 * @param {number} most
 * @returns {readonly EngineLive[]}
 */
export function drawn(side, most) {
  if (side.length <= most) return side;
  const weight = { bad: 0, warn: 1, idle: 3, good: 2 };
  const tones = new Map(side.map((engine) => [engine, weight[engineStanding(engine).tone]]));
  const chosen = side.toSorted((one, other) =>
    (tones.get(one) ?? 0) - (tones.get(other) ?? 0) || other.inflight - one.inflight
  ).slice(0, most);
  return chosen.sort((one, other) => byName(one.id, other.id));
}

/**
 * How much room each engine gets where the longest side has `rows`.
 * @param {number} rows
 * @returns {Density}
 */
export function densityOf(rows) {
  if (rows <= 5) return "roomy";
  return rows <= 12 ? "snug" : "dense";
}

/**
 * The height of a side of so many rows.
 * @param {number} rows
 * @param {Density} density
 */
export function heightOf(rows, density) {
  const { height, gap } = SIZES[density];
  return rows === 0 ? 0 : rows * height + (rows - 1) * gap;
}

/**
 * The middle of each engine of a side, which stands in the middle of `whole`.
 * @param {readonly EngineLive[]} side
 * @param {Density} density
 * @param {number} whole
 * @returns {Map<string, number>}
 */
export function middles(side, density, whole) {
  const { height, gap } = SIZES[density];
  const top = (whole - heightOf(side.length, density)) / 2;
  return new Map(side.map(({ id }, row) => [id, top + row * (height + gap) + height / 2]));
}

/**
 * How broad a flow is, by requests under way and handoffs in a second.
 * @param {number} underWay
 * @param {number} rate
 * @param {number} broad
 */
export function breadth(underWay, rate, broad) {
  if (underWay === 0 && rate === 0) return 1.25;
  return Math.min(BROADEST, 2 + 2.4 * Math.sqrt(underWay) + 1.2 * Math.sqrt(rate)) * broad;
}

/**
 * A flow as it is drawn.
 * @typedef {object} Flow
 * @property {string} key
 * @property {PairLive} pair
 * @property {Standing} standing
 * @property {number} underWay
 * @property {number} rate
 * @property {number} width
 * @property {string} path
 * @property {{ x: number, y: number }} middle
 */

/**
 * The flows between engines that are drawn, the thinnest last.
 * @param {Iterable<PairLive>} pairs
 * @param {object} drawing
 * @param {ReadonlyMap<string, number>} drawing.rates
 * @param {ReadonlyMap<string, number>} drawing.prefills
 * @param {ReadonlyMap<string, number>} drawing.decodes
 * @param {number} drawing.width
 * @param {Density} drawing.density
 * @returns {readonly Flow[]}
 */
export function flowsOf(pairs, { rates, prefills, decodes, width, density }) {
  const { height: room, broad } = SIZES[density];
  const seen = [...pairs].flatMap((pair) => {
    const [from, to] = [prefills.get(pair.prefill), decodes.get(pair.decode)];
    if (from === undefined || to === undefined) return [];
    const [underWay, rate] = [busy(pair), rates.get(pairKey(pair)) ?? 0];
    const standing = pairStanding(pair);
    const doubt = standing.tone === "good" ? 0 : 1;
    const width = breadth(underWay, rate, broad);
    return [{ key: pairKey(pair), pair, standing, doubt, underWay, rate, width, from, to }];
  });
  const shown = seen.sort((one, other) => other.doubt - one.doubt || other.width - one.width)
    .slice(0, MOST_FLOWS);
  const starts = places(shown, (flow) => [flow.pair.prefill, flow.from, flow.to], room);
  const ends = places(shown, (flow) => [flow.pair.decode, flow.to, flow.from], room);
  return shown.map(({ from, to, doubt: _doubt, ...flow }) => {
    const [y1, y2] = [starts.get(flow.key) ?? from, ends.get(flow.key) ?? to];
    const x = width / 2;
    return {
      ...flow,
      path: `M0 ${round(y1)}C${round(x)} ${round(y1)} ${round(x)} ${round(y2)} ${width} ${
        round(y2)
      }`,
      middle: { x, y: (y1 + y2) / 2 },
    };
  });
}

/**
 * Where each flow begins at its engine: side by side, in the order of the engines that they lead to.
 * @template {{ key: string, width: number }} Each
 * @param {readonly Each[]} flows
 * @param {(flow: Each) => readonly [engine: string, at: number, other: number]} endOf
 * @param {number} room
 */
function places(flows, endOf, room) {
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const all of Map.groupBy(flows, (flow) => endOf(flow)[0]).values()) {
    all.sort((one, other) => endOf(one)[2] - endOf(other)[2]);
    const whole = all.reduce((sum, { width }) => sum + width, 0);
    const squeeze = Math.min(1, (room * SPREAD) / whole);
    let before = -whole / 2;
    for (const flow of all) {
      found.set(flow.key, endOf(flow)[1] + (before + flow.width / 2) * squeeze);
      before += flow.width;
    }
  }
  return found;
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10;
}
