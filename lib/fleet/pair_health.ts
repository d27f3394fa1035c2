/** What is held against pairs of engines each of which may be good. @module */
import type { Engine, Logger } from "../base/mod.ts";
import type { PeerId, VerdictTold } from "../gossip/mod.ts";
import { GOOD, type Pair, type Verdict } from "../selection/mod.ts";
import {
  Breaker,
  type BreakerRules,
  type BreakerSharing,
  type Lesson,
  type LessonTold,
} from "./breaker.ts";
import type { Begun, DoubtedPair } from "./health.ts";

/** What is known of a pair. */
interface KnownPair extends Pair {
  readonly breaker: Breaker;
}

/** What to look at where handoffs fail, by how the KV moves. */
const LOOK: Readonly<Record<Engine["kv"], string>> = {
  lmcache: "restart the prefill engine if the decode engine was restarted; else compare their " +
    "hosts, NIXL ports, chunk sizes and hash seeds",
  nixl: "the decode engine's log: can it reach the prefill engine's side channel?",
  shared_storage: "do both see the same storage?",
  none: "their logs",
};

/** The pair that a flight serves; undefined outside of handoffs. */
export function pairOf({ engine, leg, peer }: Pick<Begun, "engine" | "leg" | "peer">):
  | Pair
  | undefined {
  if (peer === undefined) return undefined;
  if (leg === "prefill") return { prefill: engine, decode: peer };
  return leg === "decode" ? { prefill: peer, decode: engine } : undefined;
}

/**
 * Keeps what is held against pairs, and nothing of those that have never been shut. Whoever tells it of
 * a pair has it forgotten when either engine goes.
 */
export class PairHealth {
  readonly #rules: BreakerRules;
  readonly #log: Logger;
  /** By prefill engine, then by decode engine. */
  readonly #known = new Map<string, Map<string, KnownPair>>();
  readonly #sharing: ((pair: Pair) => BreakerSharing) | undefined;

  /** `sharing`: how each pair is shared with other routers; absent where there are none. */
  constructor(rules: BreakerRules, log: Logger, sharing?: (pair: Pair) => BreakerSharing) {
    this.#rules = rules;
    this.#log = log;
    this.#sharing = sharing;
  }

  /** Of two engines, by their ids. */
  verdict(prefill: string, decode: string, nowMs: number): Verdict {
    return this.#find(prefill, decode)?.verdict(nowMs) ?? GOOD;
  }

  /** The same of all pairs; undefined where nothing is held against any. */
  verdicts(nowMs: number): ((prefill: string, decode: string) => Verdict) | undefined {
    if (this.#known.size === 0) return undefined;
    return (prefill, decode) => this.verdict(prefill, decode, nowMs);
  }

  /** The pairs that are not good. */
  doubted(nowMs: number): readonly DoubtedPair[] {
    const found: DoubtedPair[] = [];
    for (const partners of this.#known.values()) {
      for (const { breaker, prefill, decode } of partners.values()) {
        const verdict = breaker.verdict(nowMs);
        if (verdict.kind !== "good") found.push({ prefill, decode, verdict });
      }
    }
    return found;
  }

  /** A request is to be handed off by `pair`. */
  chose({ prefill, decode }: Pair, nowMs: number): void {
    this.#find(prefill.id, decode.id)?.claim(nowMs);
  }

  /** A flight of `pair` has begun. */
  began({ prefill, decode }: Pair, nowMs: number): void {
    this.#find(prefill.id, decode.id)?.begin(nowMs);
  }

  /** A decode of `pair` that began at `beganMs` is being answered well. */
  answering({ prefill, decode }: Pair, beganMs: number): void {
    this.#find(prefill.id, decode.id)?.answering(beganMs);
  }

  /** Learn from a flight of `pair`. */
  learn(pair: Pair, lesson: Lesson, told: LessonTold): void {
    const fails = lesson === "failed" || lesson === "grave";
    const breaker = this.#find(pair.prefill.id, pair.decode.id) ??
      (fails ? this.#add(pair) : undefined);
    if (breaker === undefined) return;
    const was = breaker.verdict(told.nowMs).kind;
    breaker.learn(lesson, told);
    if (breaker.fresh) this.#drop(pair);
    this.#tell(pair, was, breaker.verdict(told.nowMs));
  }

  /** What other routers are told of a pair; undefined where there has never been anything. */
  told({ prefill, decode }: Pair, nowMs: number): VerdictTold | undefined {
    return this.#find(prefill.id, decode.id)?.told(nowMs);
  }

  /** Take what another router has told of a pair; false where more is known here. */
  hear(pair: Pair, told: VerdictTold, nowMs: number): boolean {
    const known = this.#find(pair.prefill.id, pair.decode.id);
    const breaker = known ?? this.#add(pair);
    const was = breaker.verdict(nowMs).kind;
    const heard = breaker.hear(told, nowMs);
    if (breaker.fresh) this.#drop(pair);
    this.#tell(pair, was, breaker.verdict(nowMs));
    return heard;
  }

  /** Another router has gone, and with it the requests by which it tries pairs. */
  lost(peer: PeerId): void {
    for (const { breaker } of this.#all()) breaker.lost(peer);
  }

  /** The pairs that anything has ever been held against. */
  get pairs(): Iterable<Pair> {
    return this.#all();
  }

  *#all(): Iterable<KnownPair> {
    for (const partners of this.#known.values()) yield* partners.values();
  }

  /** Say it where a pair is gone around that was not, or is no longer. */
  #tell(pair: Pair, was: Verdict["kind"], verdict: Verdict): void {
    const { kind } = verdict;
    if (was === "good" ? kind === "good" : kind !== "good") return;
    const { prefill, decode } = pair;
    const urls = { prefill: prefill.url, decode: decode.url };
    if (kind === "good") return this.#log.info("Two engines are paired again", urls);
    this.#log.warning("Two engines are not paired for a while: their handoffs fail", {
      ...urls,
      why: "why" in verdict ? verdict.why : undefined,
      look: LOOK[decode.kv],
    });
  }

  /** Nothing of the engine `id` is kept. */
  forget(id: string): void {
    this.#known.delete(id);
    for (const [prefill, partners] of this.#known) {
      partners.delete(id);
      if (partners.size === 0) this.#known.delete(prefill);
    }
  }

  #find(prefill: string, decode: string): Breaker | undefined {
    return this.#known.size === 0 ? undefined : this.#known.get(prefill)?.get(decode)?.breaker;
  }

  #add(pair: Pair): Breaker {
    const breaker = new Breaker(this.#rules, this.#sharing?.(pair));
    const { prefill, decode } = pair;
    const partners = this.#known.get(prefill.id) ?? new Map<string, KnownPair>();
    this.#known.set(prefill.id, partners.set(decode.id, { ...pair, breaker }));
    return breaker;
  }

  #drop({ prefill, decode }: Pair): void {
    const partners = this.#known.get(prefill.id);
    partners?.delete(decode.id);
    if (partners?.size === 0) this.#known.delete(prefill.id);
  }
}
