/** Rounds of canaries: which pairs are tried, when, and what is told of them. @module */
import { describeError, sleep } from "../base/mod.ts";
import { keyOfPair, type KvPair } from "../fleet/mod.ts";
import { orAborted } from "../request/mod.ts";
import { type CanaryDeps, type CanaryPair, type CanaryResult, tryCanary } from "./canary_pair.ts";

/** When canaries are sent. */
export interface CanaryTimes {
  /** From the end of one round to the next, in milliseconds; 0 for one round alone. */
  readonly intervalMs: number;
  /** No more are sent. */
  readonly stopped: () => boolean;
}

/** What came of a pair's last canary. */
export interface CanaryNote extends KvPair {
  readonly result: CanaryResult;
  /** Unix milliseconds. */
  readonly at: number;
  /** How long all of it took, in milliseconds. */
  readonly tookMs: number;
  /** Whether the decode engine has shown that it found the KV; some do not tell. */
  readonly came: boolean;
  /** Why there was no answer; set of `failed` alone. */
  readonly error?: string;
}

/** Most pairs of one round, and of these at once. */
const MAX_PAIRS = 32;
const AT_ONCE = 2;

/** Pairs of which the last result is kept; beyond it, the longest known goes first. */
const MAX_NOTES = 4_096;

/** Longest time for one pair, in milliseconds. */
const LONGEST_MS = 120_000;

/** Tries pairs in turn until it is disposed. */
export class Canary implements AsyncDisposable {
  readonly #deps: CanaryDeps;
  readonly #times: CanaryTimes;
  readonly #notes = new Map<string, CanaryNote>();
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  readonly #first = Promise.withResolvers<{ readonly pairs: number }>();
  /** The last pair that was tried, by which the next round goes on. */
  #last = "";

  constructor(deps: CanaryDeps, times: CanaryTimes) {
    this.#deps = deps;
    this.#times = times;
  }

  /** What came of each pair's last canary. */
  notes(): readonly CanaryNote[] {
    return [...this.#notes.values()];
  }

  /** Resolves when the first round is over, with how many pairs there were; or with 0 when it is disposed. */
  get firstRound(): Promise<{ readonly pairs: number }> {
    return this.#first.promise;
  }

  /** Begin when `ready` resolves. */
  start(ready: Promise<void>): void {
    this.#running = orAborted(ready, this.#stop.signal).then(() => this.#run());
  }

  /** Nothing of the engine `id` is kept. */
  forget(id: string): void {
    for (const [key, { prefill, decode }] of this.#notes) {
      if (prefill.id === id || decode.id === id) this.#notes.delete(key);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#first.resolve({ pairs: 0 });
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    const { intervalMs } = this.#times;
    while (!this.#ended) {
      await this.#round();
      if (intervalMs === 0) return;
      await sleep(clock, intervalMs, this.#stop.signal);
    }
  }

  get #ended(): boolean {
    return this.#stop.signal.aborted || this.#times.stopped();
  }

  async #round(): Promise<void> {
    const { log } = this.#deps;
    const all = this.#pairs();
    const due = all.slice(0, MAX_PAIRS);
    const left = [...due].reverse();
    const results = new Map<CanaryResult, number>();
    const work = async (): Promise<void> => {
      for (let pair = left.pop(); pair !== undefined && !this.#ended; pair = left.pop()) {
        const result = await this.#try(pair);
        if (result !== undefined) results.set(result, (results.get(result) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    const last = due.at(-1);
    if (last !== undefined) this.#last = keyOf(last);
    this.#first.resolve({ pairs: all.length });
    if (this.#ended || due.length === 0) return;
    log.info("Canaries have come back", {
      pairs: due.length,
      of: all.length,
      ...Object.fromEntries(results),
    });
  }

  /** All pairs of engines that do not differ, those behind the last one tried first. */
  #pairs(): readonly CanaryPair[] {
    const { fleet } = this.#deps;
    const view = fleet.snapshot();
    const models = new Set(view.engines.flatMap((engine) => engine.models));
    const pairs = new Map<string, CanaryPair>();
    for (const model of models) {
      const group = view.group(model);
      for (const decode of group.decode) {
        for (const prefill of group.partners(decode.engine)) {
          if (fleet.differ(prefill.engine, decode.engine)) continue;
          const pair = { model, prefill, decode };
          if (!pairs.has(keyOf(pair))) pairs.set(keyOf(pair), pair);
        }
      }
    }
    const keys = [...pairs.keys()];
    const from = keys.indexOf(this.#last) + 1;
    return [...keys.slice(from), ...keys.slice(0, from)].flatMap((key) => pairs.get(key) ?? []);
  }

  /** Undefined where the router stops meanwhile. */
  async #try(tried: CanaryPair): Promise<CanaryResult | undefined> {
    const { clock, log, metrics } = this.#deps;
    const pair = { prefill: tried.prefill.engine, decode: tried.decode.engine };
    const late = new AbortController();
    using _timer = clock.after(LONGEST_MS, () => late.abort());
    const signal = AbortSignal.any([late.signal, this.#stop.signal]);
    const sinceMs = clock.now();
    let came = false;
    const { proof } = this.#deps;
    const judge: typeof proof.judge = (evidence) => {
      const found = proof.judge(evidence);
      came = found === "came";
      return found;
    };
    const end = isOut(tried)
      ? { result: "skipped" as const }
      : await tryCanary({ ...this.#deps, proof: { judge } }, tried, signal).then(
        (result) => ({ result, error: undefined }),
        (error: unknown) => ({ result: "failed" as const, error }),
      );
    if (this.#stop.signal.aborted) return undefined;
    const { result } = end;
    metrics.count("pd_router_canary_total", { result });
    const failed = "error" in end && end.error !== undefined;
    const error = failed ? { error: describeError(end.error) } : {};
    const tookMs = clock.now() - sinceMs;
    if (this.#isThere(pair)) {
      this.#note(keyOf(tried), { ...pair, result, at: clock.unixMs(), tookMs, came, ...error });
    }
    if (result === "ok" || result === "skipped") return result;
    log.warning(WORDS[result], {
      prefill: pair.prefill.url,
      decode: pair.decode.url,
      ...error,
    });
    return result;
  }

  #note(key: string, note: CanaryNote): void {
    this.#notes.delete(key);
    const [oldest] = this.#notes.keys();
    if (this.#notes.size >= MAX_NOTES && oldest !== undefined) this.#notes.delete(oldest);
    this.#notes.set(key, note);
  }

  #isThere({ prefill, decode }: KvPair): boolean {
    const view = this.#deps.fleet.snapshot();
    return view.find(prefill.id)?.url === prefill.url && view.find(decode.id)?.url === decode.url;
  }
}

const WORDS = {
  recomputed: "Canary: the answer is right, but its prompt was computed twice",
  mismatch: "Canary: the handoff's answer is not the decode engine's own",
  failed: "Canary: no answer by a handoff",
} as const satisfies Readonly<Record<Exclude<CanaryResult, "ok" | "skipped">, string>>;

function keyOf({ prefill, decode }: CanaryPair): string {
  return keyOfPair({ prefill: prefill.engine, decode: decode.engine });
}

/** Whether health has either engine gone around. */
function isOut({ prefill, decode }: CanaryPair): boolean {
  return [prefill, decode].some(({ verdict: { kind } }) => kind === "shut" || kind === "leaving");
}
