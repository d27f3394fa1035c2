/** Flows between pairs: curves whose breadth follows what is handed off. For the eye; the list has it in words. @module */
import { attribute, keep, svg, text } from "./dom.js";
import { flowsOf } from "./layout.js";

/** Flows up to which they are seen to move. */
const MOST_MOVING = 80;

/** Marks with words, of flows that something speaks against; further ones have their shape alone. */
const MOST_LABELED = 4;

const HALF = { square: "M-5-5h10v10h-10z", triangle: "M0-6 6 5H-6Z" };

/**
 * Draw the flows of `state` into `box`, between engines whose middles are given; those of the engine `near`
 * stand out.
 */
export function drawFlows(box, state, { prefills, decodes, height, density, near }) {
  const width = Math.max(1, Math.round(box.clientWidth));
  const parts = box.parts ??= make(box);
  const flows = flowsOf(state.pairs.values(), {
    rates: state.flows,
    prefills,
    decodes,
    width,
    density,
  });
  const isNear = ({ prefill, decode }) => near === prefill || near === decode;
  attribute(parts.root, "data-pointed", near !== undefined);
  attribute(parts.root, "viewBox", `0 0 ${width} ${Math.max(1, height)}`);
  attribute(parts.root, "height", Math.max(1, height));
  attribute(parts.gradient, "x2", width);
  const moving = flows.filter(({ underWay, rate }) => underWay > 0 || rate > 0);
  // The broad ones lie below, so that no thin one is hidden.
  keep(parts.lines, flows.toSorted((one, other) => other.width - one.width), {
    keyOf: ({ key }) => key,
    make: () => svg("path", { class: "flow" }),
    change(element, { path, width, standing, underWay, rate, pair }) {
      attribute(element, "data-near", isNear(pair));
      attribute(element, "d", path);
      attribute(element, "stroke-width", width.toFixed(1));
      attribute(element, "data-tone", standing.tone);
      attribute(element, "data-busy", underWay > 0 || rate > 0);
    },
  });
  keep(parts.motion, moving.length > MOST_MOVING ? [] : moving, {
    keyOf: ({ key }) => key,
    make: ({ key }) => {
      const path = svg("path", { class: "pulse", pathLength: "100" });
      // Each begins elsewhere on its way.
      path.style.animationDelay = `${-(hash(key) % 2_400)}ms`;
      return path;
    },
    change: (element, { path, width }) => {
      attribute(element, "d", path);
      attribute(element, "stroke-width", Math.min(4, Math.max(1.5, width * 0.3)).toFixed(1));
    },
  });
  const doubted = flows.filter(({ standing }) => standing.tone !== "good");
  keep(parts.marks, doubted, {
    keyOf: ({ key }) => key,
    make: () => svg("g", { class: "mark" }, [svg("path", {}), svg("text", { x: 11, y: 4 })]),
    change(element, { middle, standing }) {
      attribute(element, "transform", `translate(${middle.x} ${middle.y})`);
      attribute(element, "data-tone", standing.tone);
      attribute(element.firstElementChild, "d", HALF[standing.icon] ?? HALF.square);
      text(element.lastElementChild, doubted.length > MOST_LABELED ? "" : standing.label);
    },
  });
}

function hash(text) {
  let sum = 0;
  for (const character of text) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  return sum;
}

function make(box) {
  const gradient = svg("linearGradient", {
    id: "flow-colors",
    gradientUnits: "userSpaceOnUse",
    x1: 0,
    x2: 1,
  }, [
    svg("stop", { offset: 0, class: "from" }),
    svg("stop", { offset: 1, class: "to" }),
  ]);
  const [lines, motion, marks] = [svg("g"), svg("g"), svg("g")];
  const root = svg("svg", { width: "100%" }, [svg("defs", {}, gradient), lines, motion, marks]);
  box.replaceChildren(root);
  return { root, gradient, lines, motion, marks };
}
