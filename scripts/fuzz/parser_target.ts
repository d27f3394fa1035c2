/** Parsers as targets: what has to hold of one for every input, tried case by case. @module */
import { describeError, type Random, seededRandom } from "../../lib/base/mod.ts";
import { BOUNDS, type Bounds, excess, measured } from "./bounds.ts";
import { below } from "./chance.ts";
import { type Corpus, makeInput } from "./mutate.ts";
import { shrink, SHRINK_LIMITS, type ShrinkLimits } from "./shrink.ts";
import type { CaseWatch, Finding, FuzzRun, FuzzTarget } from "./target.ts";
import { bytesOf } from "./text.ts";

/** What is wrong with what came of an input, in one line: a kind, a colon, the rest. */
export type Verdict = string | undefined;

/** What has to hold of a parser. */
export interface ParserProperty {
  readonly name: string;
  readonly about: string;
  readonly corpus: Corpus;
  /**
   * What is wrong; undefined for nothing. What it throws is a finding: errors that are documented are
   * caught here. `random` decides on cuts, and is the same each time an input is tried.
   */
  readonly check: (input: Uint8Array<ArrayBuffer>, random: Random) => Verdict | Promise<Verdict>;
  /** Where they are not the usual ones. */
  readonly bounds?: Partial<Bounds>;
  /** How long a smaller input is looked for. */
  readonly shrinking?: ShrinkLimits;
}

/** Cases between two turns of the event loop. */
const AT_ONCE = 32;

/** Seeds are below this. */
const SEEDS = 2 ** 32;

/** Longest input that is told, in characters; the case can be tried again all the same. */
const SHOWN = 2_000;

/** The target that tries `property`. */
export function parserTarget(property: ParserProperty): FuzzTarget {
  const { name, about } = property;
  return {
    name,
    about,
    start: (watch) => Promise.resolve(new ParserRun(property, watch)),
    replay: async (seed) => await tryCase(property, seed),
  };
}

class ParserRun implements FuzzRun {
  inputs = 0;
  readonly #property: ParserProperty;
  readonly #watch: CaseWatch | undefined;

  constructor(property: ParserProperty, watch: CaseWatch | undefined) {
    this.#property = property;
    this.#watch = watch;
  }

  async step(random: Random): Promise<readonly Finding[]> {
    const findings: Finding[] = [];
    for (let count = 0; count < AT_ONCE && findings.length === 0; count++) {
      const seed = below(random, SEEDS);
      this.#watch?.begun(seed);
      findings.push(...await tryCase(this.#property, seed));
      this.#watch?.ended();
      this.inputs++;
    }
    return findings;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** The case of `seed`; a fault is told of the smallest input with it that was found. */
async function tryCase(property: ParserProperty, seed: number): Promise<readonly Finding[]> {
  const input = makeInput(seededRandom(seed), property.corpus);
  const what = await verdictOf(property, input, seed);
  if (what === undefined) return [];
  const kind = kindOf(what);
  const fails = async (candidate: string): Promise<boolean> => {
    const verdict = await verdictOf(property, candidate, seed);
    return verdict !== undefined && kindOf(verdict) === kind;
  };
  const smallest = await shrink(input, fails, property.shrinking ?? SHRINK_LIMITS);
  const told = await verdictOf(property, smallest, seed) ?? what;
  return [{ what: told, input: shown(smallest), seed }];
}

/** What is wrong with what comes of `input`, or with what that costs. */
async function verdictOf(
  property: ParserProperty,
  input: string,
  seed: number,
): Promise<Verdict> {
  const bounds = { ...BOUNDS, ...property.bounds };
  const attempt = (): Promise<Verdict> => once(property, input, seed);
  const first = await measured(attempt);
  if (first.value !== undefined) return first.value;
  if (excess(first, input.length, bounds) === undefined) return undefined;
  // The machine may have been busy with something else, or a collection due.
  const second = await measured(attempt);
  return second.value ?? excess(
    { ms: Math.min(first.ms, second.ms), bytes: Math.min(first.bytes, second.bytes) },
    input.length,
    bounds,
  );
}

async function once(property: ParserProperty, input: string, seed: number): Promise<Verdict> {
  try {
    return await property.check(bytesOf(input), seededRandom(seed));
  } catch (error) {
    const name = error instanceof Error ? error.name : typeof error;
    return `throws ${name}: ${describeError(error)}`;
  }
}

/** What comes before the first colon; smaller inputs have to fail in the same way. */
function kindOf(verdict: string): string {
  return verdict.split(":", 1)[0] ?? verdict;
}

function shown(input: string): string {
  const text = JSON.stringify(input).replace(
    /[\x7f-\xff]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16)}`,
  );
  return text.length > SHOWN
    ? `${text.slice(0, SHOWN)}... (${input.length} bytes, not shown to their end)`
    : text;
}
