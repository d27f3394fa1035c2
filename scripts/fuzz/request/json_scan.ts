/** The scan of JSON objects, in one go and in steps, beside `JSON.parse`. @module */
import { OPEN_BRACE, recordOf, SMALL_BYTES } from "../../../lib/base/mod.ts";
import {
  JsonScanError,
  JsonWalk,
  type Member,
  scanningObject,
  scanObject,
} from "../../../lib/openai/mod.ts";
import { JSON_CORPUS } from "../corpora/json.ts";
import { below, oneIn } from "../chance.ts";
import { difference, type Outcome, outcomeOf, short, slicesFor, within } from "../outcome.ts";
import { parserTarget, type Verdict } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";
import { textOf } from "../text.ts";

/** Finds the members of an object. Throws `JsonScanError`. */
export type Scan = (bytes: Uint8Array, options: { readonly python: boolean }) => Member[];

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Deeper than this, or with more digits in a row, the scan refuses what others take. */
const MANY_BRACKETS = 500;
const MANY_DIGITS = /\d{4300}/;

/** The target, with `scan` as the parser in one go. */
export function jsonScanTarget(scan: Scan = scanObject): FuzzTarget {
  return parserTarget({
    name: "json-scan",
    about: "members of JSON objects, beside JSON.parse and the scan in steps",
    corpus: JSON_CORPUS,
    check(input, random) {
      const python = random.next() < 0.5;
      const found = outcomeOf(() => scan(input, { python }), JsonScanError);
      return (oneIn(random, 8) ? besideSteps(input, found, python) : undefined) ??
        besideWalk(input, found, python, 1 + below(random, 64)) ??
        (python ? undefined : besideParse(input, found));
    },
  });
}

/** The scan in steps, which goes another way for what is large: white space makes it so. */
function besideSteps(input: Uint8Array, found: Outcome<Member[]>, python: boolean): Verdict {
  const padded = new Uint8Array(input.length + SMALL_BYTES + 1).fill(0x20);
  padded.set(input, SMALL_BYTES + 1);
  const steps = outcomeOf(
    () => within(slicesFor(padded.length), scanningObject(padded, { python })),
    JsonScanError,
  );
  const moved = found.ok ? shifted(found.value, SMALL_BYTES + 1) : found;
  return difference("steps differ", keysOf(moved), keysOf(steps.ok ? steps.value : steps));
}

function shifted(members: readonly Member[], by: number): Member[] {
  return members.map(({ key, keyStart, start, end }) => ({
    key,
    keyStart: keyStart + by,
    start: start + by,
    end: end + by,
  }));
}

/** Of errors it counts only that they are some: they are told at other places. */
function keysOf(outcome: readonly Member[] | { readonly ok: false }): unknown {
  return "ok" in outcome ? "an error" : outcome.map((m) => [m.key, m.keyStart, m.start, m.end]);
}

/** The walk that stops after every few bytes. */
function besideWalk(
  input: Uint8Array,
  found: Outcome<Member[]>,
  python: boolean,
  step: number,
): Verdict {
  const walked = outcomeOf(() => {
    const walk = new JsonWalk(input, 0, { root: OPEN_BRACE, depth: 1, whole: true, python });
    const spans: number[][] = [];
    let turns = 2 * input.length + 4;
    for (let event = walk.next(step); event !== "end"; event = walk.next(walk.at + step)) {
      if (turns-- === 0) throw new Error("the walk does not go on");
      if (event === "value") spans.push([walk.keyStart, walk.start, walk.at]);
    }
    return spans;
  }, JsonScanError);
  // Keys with a malformed escape are looked at by whoever reads keys.
  if (!found.ok && found.error.message.startsWith("Bad escape in a key")) return undefined;
  const spans = found.ok ? found.value.map((m) => [m.keyStart, m.start, m.end]) : "an error";
  return difference("walk differs", spans, walked.ok ? walked.value : "an error");
}

function besideParse(input: Uint8Array, found: Outcome<Member[]>): Verdict {
  const text = decoder.decode(input);
  const parsed = outcomeOf(() => JSON.parse(text) as unknown, SyntaxError);
  if (!parsed.ok) return found.ok ? besideStructure(input) : undefined;
  const record = Array.isArray(parsed.value) ? undefined : recordOf(parsed.value);
  if (record === undefined) return found.ok ? "taken: it is no object" : undefined;
  if (!found.ok) {
    const deep = text.split(/[[{]/).length > MANY_BRACKETS;
    return deep || MANY_DIGITS.test(text) ? undefined : `refused: ${found.error.message}`;
  }
  const values = new Map(
    found.value.map(({ key, start, end }) => [key, decoder.decode(input.subarray(start, end))]),
  );
  const keys = difference("keys", [...values.keys()].sort(), Object.keys(record).sort());
  if (keys !== undefined) return keys;
  for (const [key, value] of values) {
    const wrong = difference(`value of ${short(key)}`, JSON.parse(value), record[key]);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** What stands in strings is not looked at: with other strings it has to be JSON all the same. */
function besideStructure(input: Uint8Array): Verdict {
  const plain = textOf(input).replace(/"(?:[^"\\]|\\[^])*"/g, '""');
  const parsed = outcomeOf(() => JSON.parse(plain) as unknown, SyntaxError);
  return parsed.ok ? undefined : `taken: ${parsed.error.message}`;
}
