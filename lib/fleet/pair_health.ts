/** What is held against pairs of engines each of which may be good. @module */
import type { ErrorCode, Logger } from "../base/mod.ts";
import { GOOD, type Verdict } from "../selection/mod.ts";
import { Breaker, type BreakerRules } from "./breaker.ts";
import type { Begun } from "./health.ts";
import type { Lesson } from "./lesson.ts";

/** The two sides of a handoff, by the ids of their engines. */
export interface PairIds {
  readonly prefill: string;
  readonly decode: string;
}

/** A lesson of one flight of a pair. Times are on the clock's monotonic scale, in milliseconds. */
export interface PairLesson {
  readonly lesson: Lesson;
  readonly why: ErrorCode;
  readonly beganMs: number;
  readonly nowMs: number;
  /** A factor of the pause. */
  readonly pause: number;
}

/** A pair that is not good. */
export interface DoubtedPair extends PairIds {
  readonly verdict: Exclude<Verdict, { readonly kind: "good" }>;
}

/** The pair that a flight serves; undefined outside of handoffs. */
export function pairOf({ engine, leg, peer }: Begun): PairIds | undefined {
  if (peer === undefined) return undefined;
  return leg === "prefill"
    ? { prefill: engine.id, decode: peer.id }
    : { prefill: peer.id, decode: engine.id };
}

/** Keeps what is held against pairs, and nothing of those that are well. */
export class PairHealth {
  readonly #rules: BreakerRules;
  readonly #log: Logger;
  /** By prefill engine, then by decode engine. */
  readonly #breakers = new Map<string, Map<string, Breaker>>();

  constructor(rules: BreakerRules, log: Logger) {
    this.#rules = rules;
    this.#log = log;
  }

  verdict({ prefill, decode }: PairIds, nowMs: number): Verdict {
    return this.#find(prefill, decode)?.verdict(nowMs) ?? GOOD;
  }

  /** The pairs that are not good. */
  doubted(nowMs: number): readonly DoubtedPair[] {
    const found: DoubtedPair[] = [];
    for (const [prefill, partners] of this.#breakers) {
      for (const [decode, breaker] of partners) {
        const verdict = breaker.verdict(nowMs);
        if (verdict.kind !== "good") found.push({ prefill, decode, verdict });
      }
    }
    return found;
  }

  began({ prefill, decode }: PairIds, nowMs: number): void {
    this.#find(prefill, decode)?.begin(nowMs);
  }

  answering({ prefill, decode }: PairIds, beganMs: number): void {
    this.#find(prefill, decode)?.answering(beganMs);
  }

  learn(pair: PairIds, { lesson, ...told }: PairLesson): void {
    if (lesson === "failed" || lesson === "grave") {
      return this.#fail(pair, told);
    }
    const breaker = this.#find(pair.prefill, pair.decode);
    if (breaker === undefined) return;
    const was = breaker.verdict(told.nowMs).kind;
    if (lesson === "ok") breaker.ok(told.beganMs);
    else breaker.left(told.beganMs);
    if (!breaker.clean) return;
    this.#drop(pair);
    if (was !== "good") this.#log.info("KV moves between two engines again", { ...pair });
  }

  /** Nothing of `id` is kept. */
  forget(id: string): void {
    this.#breakers.delete(id);
    for (const [prefill, partners] of this.#breakers) {
      partners.delete(id);
      if (partners.size === 0) this.#breakers.delete(prefill);
    }
  }

  #fail(pair: PairIds, told: Omit<PairLesson, "lesson">): void {
    const { prefill, decode } = pair;
    const partners = this.#breakers.get(prefill) ?? new Map<string, Breaker>();
    const breaker = partners.get(decode) ?? new Breaker(this.#rules);
    this.#breakers.set(prefill, partners.set(decode, breaker));
    const was = breaker.verdict(told.nowMs).kind;
    breaker.failed({ ...told, grave: false });
    const { kind } = breaker.verdict(told.nowMs);
    if (was !== "good" || kind !== "shut") return;
    this.#log.warning("Two engines are not paired for a while: KV does not move between them", {
      ...pair,
      why: told.why,
      look: "restart the prefill engine if the decode engine was restarted; else compare their " +
        "hosts, NIXL ports and chunk sizes",
    });
  }

  #find(prefill: string, decode: string): Breaker | undefined {
    return this.#breakers.size === 0 ? undefined : this.#breakers.get(prefill)?.get(decode);
  }

  #drop({ prefill, decode }: PairIds): void {
    const partners = this.#breakers.get(prefill);
    partners?.delete(decode);
    if (partners?.size === 0) this.#breakers.delete(prefill);
  }
}
