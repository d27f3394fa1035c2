/**
 * Whether KV that was handed over is found, pair by pair. An answer is right all the same where it is
 * not: the decode engine computes the prompt again.
 *
 * Tells, and changes no choice of engines.
 * @module
 */
import type { Clock, Engine, KvName, Logger } from "../base/mod.ts";
import { type KvCause, likelyCause, whereToLook } from "./kv_cause.ts";
import { isAnnouncedTail, leastExpected, mayBeOwn } from "./kv_expected.ts";
import type { Property } from "./role_differences.ts";

/** The two engines of a handoff. */
export interface KvPair {
  readonly prefill: Engine;
  readonly decode: Engine;
}

/** What a decode engine found of the prompts that were handed to it. */
export interface KvEvidence {
  readonly pair: KvPair;
  /** Of one prompt, or the least that should have come of several. */
  readonly prompt: { readonly tokens: number } | { readonly expected: number };
  /** Tokens that it did not compute. */
  readonly found: number;
  /** `usage` of one answer, where its own cache may count too; or counters of the engine for KV alone. */
  readonly by: "usage" | "counters";
}

/** `open`: it may have had them itself, or nothing need have come. */
export type Arrival = "came" | "short" | "open";

/** A pair whose KV is not found. */
export interface KvMark extends KvPair {
  readonly cause: KvCause;
  /** Unix milliseconds. */
  readonly since: number;
}

/** What the proofs work with. */
export interface KvProofDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** In what the engines of the two roles say that they differ. */
  readonly differs: (pair: KvPair) => ReadonlySet<Property>;
  readonly onSuspected: (pair: KvPair) => void;
  /** So many tokens' KV has moved. */
  readonly onMoved: (tokens: number) => void;
}

/** Misses in a row that mark a pair, and proofs in a row that take the mark away. */
const MISSES = 2;
const PROOFS = 2;

/** Most pairs that something is known of; the longest known goes first. */
const MAX_PAIRS = 4_096;

interface PairState {
  pair: KvPair;
  misses: number;
  proofs: number;
  smallCame: boolean;
  smallMissed: boolean;
  largeCame: boolean;
  largeMissed: boolean;
  some: boolean;
  mark: KvMark | undefined;
}

/** What is known of all pairs. */
export class KvProof {
  readonly #deps: KvProofDeps;
  readonly #pairs = new Map<string, PairState>();

  constructor(deps: KvProofDeps) {
    this.#deps = deps;
  }

  /** Take one piece of evidence, and say what it is worth. */
  judge(evidence: KvEvidence): Arrival {
    const { kv } = evidence.pair.decode;
    if (kv === "none") return "open";
    const { arrival, small } = weigh(kv, evidence);
    // It proves nothing, and tells which cause is likely.
    if (arrival === "open" && !small && evidence.found > 0) {
      this.#of(evidence.pair).largeCame = true;
    }
    if (arrival === "open") return arrival;
    const state = this.#of(evidence.pair);
    if (arrival === "came") this.#came(state, evidence, small);
    else this.#missed(state, evidence, small);
    return arrival;
  }

  /** The pairs that are marked. */
  marks(): readonly KvMark[] {
    return [...this.#pairs.values()].flatMap(({ mark }) => mark === undefined ? [] : [mark]);
  }

  /** Nothing of the engine `id` is kept. */
  forget(id: string): void {
    for (const [key, { pair }] of this.#pairs) {
      if (pair.prefill.id === id || pair.decode.id === id) this.#pairs.delete(key);
    }
  }

  #came(state: PairState, { found }: KvEvidence, small: boolean): void {
    this.#deps.onMoved(found);
    if (small) state.smallCame = true;
    else {
      state.largeCame = true;
      state.largeMissed = false;
    }
    // What a short prompt proves, a longer one may refute: both have to come.
    if (small && state.largeMissed) return;
    state.misses = 0;
    state.proofs++;
    if (state.mark === undefined || state.proofs < PROOFS) return;
    state.mark = undefined;
    state.smallMissed = false;
    state.some = false;
    this.#deps.log.info("KV is found between two engines again", urlsOf(state.pair));
  }

  #missed(state: PairState, evidence: KvEvidence, small: boolean): void {
    const { found, by, prompt } = evidence;
    if (small) state.smallMissed = true;
    else state.largeMissed = true;
    state.some = found > 0;
    state.proofs = 0;
    // Counters are read seldom, and tell of KV alone.
    state.misses += by === "counters" ? MISSES : 1;
    this.#deps.onSuspected(state.pair);
    if (state.misses < MISSES) return;
    const { clock, log, differs } = this.#deps;
    const differing = differs(state.pair);
    const otherModel = differing.has("root") || differing.has("dtype");
    const cause = likelyCause(kvOf(state.pair), { ...state, otherModel });
    const { mark } = state;
    if (mark?.cause === cause) return;
    state.mark = { ...state.pair, cause, since: mark?.since ?? clock.unixMs() };
    log.warning("KV is not found between two engines: prompts are computed twice", () => ({
      ...urlsOf(state.pair),
      cause,
      look: whereToLook(cause),
      differ: differing.size === 0 ? undefined : [...differing].join(","),
      found,
      ...prompt,
    }));
  }

  #of(pair: KvPair): PairState {
    const key = keyOfPair(pair);
    const known = this.#pairs.get(key);
    if (known !== undefined) {
      known.pair = pair;
      return known;
    }
    const [oldest] = this.#pairs.keys();
    if (this.#pairs.size >= MAX_PAIRS && oldest !== undefined) this.#pairs.delete(oldest);
    const state = {
      pair,
      misses: 0,
      proofs: 0,
      smallCame: false,
      smallMissed: false,
      largeCame: false,
      largeMissed: false,
      some: false,
      mark: undefined,
    };
    this.#pairs.set(key, state);
    return state;
  }
}

/** What tells one pair from another. */
export function keyOfPair({ prefill, decode }: KvPair): string {
  return JSON.stringify([prefill.id, decode.id]);
}

function weigh(
  kv: KvName,
  { prompt, found, by }: KvEvidence,
): { readonly arrival: Arrival; readonly small: boolean } {
  const tokens = "tokens" in prompt ? prompt.tokens : 0;
  const expected = "tokens" in prompt ? leastExpected(kv, tokens) : prompt.expected;
  const small = expected === 0;
  const own = by === "usage" && mayBeOwn(found);
  if (small) {
    if (found > 0) return { arrival: own ? "open" : "came", small };
    return { arrival: isAnnouncedTail(kv, tokens) ? "short" : "open", small };
  }
  if (found < expected) return { arrival: "short", small };
  return { arrival: own ? "open" : "came", small };
}

function kvOf({ decode: { kv } }: KvPair): KvName {
  return kv === "none" ? "shared_storage" : kv;
}

function urlsOf({ prefill, decode }: KvPair): {
  readonly prefill: string;
  readonly decode: string;
} {
  return { prefill: prefill.url, decode: decode.url };
}
