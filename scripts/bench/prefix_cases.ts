/** The index of prompts, to be timed and weighed. @module */
import { seededRandom } from "../../lib/base/mod.ts";
import { PrefixIndex } from "../../lib/selection/mod.ts";
import type { SelectionCase } from "./selection_cases.ts";
import type { Timed } from "./timing.ts";

/** Chunks of a prompt of 100,000 tokens, at 4 characters each. */
const LONG = 3_125;

/** Large enough for all that is put in while it is timed. */
const ROOM = 2 ** 30;

/** What a choice and its memory cost for a long prompt, its hashes being known. */
export const PREFIXES: readonly SelectionCase[] = [
  { name: "100,000 tokens, looked up", timed: (engines) => timed(engines, "look") },
  { name: "100,000 tokens, met again", timed: (engines) => timed(engines, "again") },
  { name: "100,000 tokens, all of them new", timed: (engines) => timed(engines, "new") },
];

function timed(engines: number, what: "look" | "again" | "new"): Timed {
  const index = new PrefixIndex(what === "new" ? 64 * 1024 * 1024 : ROOM);
  const shared = chunksOf(0);
  // Each engine has met some more of it than the one before.
  for (let at = 0; at < engines; at++) {
    index.add(`e${at}`, shared.slice(0, Math.max(1, Math.floor(LONG * (at + 1) / engines))));
  }
  let turn = 0;
  let fresh = shared;
  return {
    ...(what === "new" ? { prepare: () => fresh = chunksOf(turn + 1) } : {}),
    run: () => {
      const id = `e${turn++ % engines}`;
      return what === "look" ? index.look(shared)(id) : index.add(id, fresh);
    },
  };
}

function chunksOf(prompt: number): Float64Array {
  return Float64Array.from({ length: LONG }, (_, index) => prompt * 2 ** 20 + index);
}

/**
 * Fill an index of `maxBytes` with prompts of `chunks` chunks that never repeat, three times over: what
 * it says it takes, and by how much the heap has grown, in bytes.
 */
export function weigh(
  maxBytes: number,
  chunks: number,
  heap: () => number,
): { readonly said: number; readonly grown: number } {
  const random = seededRandom(1);
  const before = heap();
  const index = new PrefixIndex(maxBytes);
  const prompts = Math.ceil(3 * maxBytes / (400 + 8 * chunks));
  for (let prompt = 0; prompt < prompts; prompt++) {
    const hashes = Float64Array.from({ length: chunks }, () => random.next() * 2 ** 53);
    index.add(`e${prompt % 8}`, hashes);
  }
  const grown = heap() - before;
  return { said: index.bytes, grown };
}
