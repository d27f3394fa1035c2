/** Shapes beside words: what a color says, a shape says too. @module */
import { svg } from "./dom.js";

/** Paths in a square of 12 by 12; those of the second kind are drawn as lines. */
const FILLED = {
  dot: "M6 2a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z",
  square: "M2.5 2.5h7v7h-7z",
  triangle: "M6 1.4 11.2 10.4H.8Z",
  half: "M6 1.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Zm0 1.4v6.2a3.1 3.1 0 0 1 0-6.2Z",
  moon: "M5 1.2a4.9 4.9 0 1 0 5.8 6.3A4.2 4.2 0 0 1 5 1.2Z",
};
const LINES = {
  ring: "M6 2.2a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6Z",
  cross: "M2.6 2.6l6.8 6.8M9.4 2.6 2.6 9.4",
  dashes: "M6 2.2a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6Z",
};

/** The shape of that name, for the eye alone: the word is beside it. */
export function icon(name) {
  const filled = FILLED[name];
  return svg("svg", { class: `icon icon-${name}`, viewBox: "0 0 12 12", "aria-hidden": "true" }, [
    svg("path", { d: filled ?? LINES[name] ?? "", class: filled === undefined ? "line" : "fill" }),
  ]);
}
