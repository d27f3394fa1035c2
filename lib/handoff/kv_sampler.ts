/**
 * What decode engines count of KV, for those whose answers do not tell: read at most once a minute
 * each, and compared with what was handed over in between.
 * @module
 */
import { type Clock, describeError, type Engine, type Logger } from "../base/mod.ts";
import { keyOfPair, type KvEvidence, type KvPair, leastExpected } from "../fleet/mod.ts";
import type { KvCounters } from "./engine_counters.ts";

/** Reads an engine's counters; undefined where it has none. Rejects when it does not answer. */
export type ReadCounters = (engine: Engine) => Promise<KvCounters | undefined>;

/** What sampling works with. */
export interface KvSamplerDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly read: ReadCounters;
  readonly judge: (evidence: KvEvidence) => void;
  /** Looks after a reading to its end. */
  readonly run: (work: Promise<void>) => void;
}

/** Between two readings of an engine, and after one that has no such counters, in milliseconds. */
const INTERVAL_MS = 60_000;
const WITHOUT_MS = 600_000;

/** Most readings at once. */
const MAX_READING = 4;

/** Most decode engines; the longest known goes first. */
const MAX_ENGINES = 4_096;

/** Most pairs told apart of one decode engine. */
const MAX_PAIRS = 256;

/** What was handed to an engine since its counters were read. */
interface Window {
  readonly base: KvCounters;
  /** Tokens that should have come, by pair, of handoffs all of which fell between two readings. */
  readonly expected: Map<string, { readonly pair: KvPair; tokens: number }>;
}

interface DecodeState {
  window: Window | undefined;
  reading: boolean;
  dueMs: number;
  /** Pairs whose KV may have been counted since the reading before the last, and since the last. */
  earlier: Set<string>;
  recent: Set<string>;
}

/** A decode leg on its way. */
export interface Sampled {
  readonly pair: KvPair;
  /** The reading it began after. */
  readonly window: unknown;
}

/** The samples of all decode engines. */
export class KvSampler {
  readonly #deps: KvSamplerDeps;
  readonly #states = new Map<string, DecodeState>();
  #reading = 0;

  constructor(deps: KvSamplerDeps) {
    this.#deps = deps;
  }

  /** A handoff to `decode` begins that its answer may not tell of. */
  begin(decode: Engine): void {
    const state = this.#of(decode);
    if (state.window === undefined) this.#read(decode, state);
  }

  /** Its decode leg is sent. */
  sent(pair: KvPair): Sampled {
    const { recent, window } = this.#of(pair.decode);
    if (recent.size < MAX_PAIRS) recent.add(keyOfPair(pair));
    return { pair, window };
  }

  /** Its answer has come, and has not told what was found of `promptTokens`. */
  ended({ pair, window: began }: Sampled, promptTokens: number): void {
    const { decode } = pair;
    const state = this.#states.get(decode.id);
    const window = state?.window;
    if (state === undefined || window === undefined || window !== began) return;
    const expected = decode.kv === "none" ? 0 : leastExpected(decode.kv, promptTokens);
    if (expected === 0) return;
    const key = keyOfPair(pair);
    const known = window.expected.get(key);
    if (known !== undefined) known.tokens += expected;
    else if (window.expected.size < MAX_PAIRS) {
      window.expected.set(key, { pair, tokens: expected });
    }
    this.#read(decode, state);
  }

  /** Nothing of the engine `id` is kept. */
  forget(id: string): void {
    this.#states.delete(id);
  }

  #of({ id }: Engine): DecodeState {
    let state = this.#states.get(id);
    if (state === undefined) {
      state = {
        window: undefined,
        reading: false,
        dueMs: -Infinity,
        earlier: new Set(),
        recent: new Set(),
      };
      const [oldest] = this.#states.keys();
      if (this.#states.size >= MAX_ENGINES && oldest !== undefined) this.#states.delete(oldest);
      this.#states.set(id, state);
    }
    return state;
  }

  #read(decode: Engine, state: DecodeState): void {
    const { clock, log, read, run } = this.#deps;
    if (state.reading || clock.now() < state.dueMs || this.#reading >= MAX_READING) return;
    state.reading = true;
    this.#reading++;
    const before = state.window;
    // What ends during the reading may be counted in it or not: it belongs to no window.
    state.window = undefined;
    const pairs = new Set([...state.earlier, ...state.recent]);
    state.earlier = state.recent;
    state.recent = new Set();
    run(
      read(decode).then((counters) => {
        state.dueMs = clock.now() + this.#pauseAfter(before, counters);
        if (counters === undefined) return;
        state.window = { base: counters, expected: new Map() };
        if (before !== undefined) {
          this.#compare(before, counters, new Set([...pairs, ...state.recent]));
        }
      }, (error: unknown) => {
        state.dueMs = clock.now() + INTERVAL_MS;
        log.debug("Cannot read what an engine counts", () => ({
          url: decode.url,
          error: describeError(error),
        }));
      }).finally(() => {
        state.reading = false;
        this.#reading--;
      }),
    );
  }

  /** The first reading is half a sample: the other half may follow at once. */
  #pauseAfter(before: Window | undefined, counters: KvCounters | undefined): number {
    if (counters === undefined) return WITHOUT_MS;
    return before === undefined ? 0 : INTERVAL_MS;
  }

  #compare({ base, expected }: Window, after: KvCounters, pairs: ReadonlySet<string>): void {
    const found = after.external - base.external;
    const own = after.own - base.own;
    // The engine was restarted meanwhile.
    if (found < 0 || own < 0) return;
    const due = [...expected.values()];
    const sum = due.reduce((all, { tokens }) => all + tokens, 0);
    const alone = pairs.size === 1;
    if (found + own < sum) {
      // Of several pairs, one may have brought all that came.
      if (!alone && found > 0) return;
      for (const { pair, tokens } of due) this.#judge(pair, { expected: tokens }, found);
    } else if (alone && found > 0) {
      for (const { pair } of due) this.#judge(pair, { expected: Math.min(sum, found) }, found);
    }
  }

  #judge(pair: KvPair, prompt: { readonly expected: number }, found: number): void {
    this.#deps.judge({ pair, prompt, found, by: "counters" });
  }
}
