/** Health by what requests come to: engines and pairs that fail are gone around, and tried again. @module */
import {
  type Clock,
  type Engine,
  type ErrorCode,
  hasTurned,
  type Logger,
  type Random,
  type Role,
  type Timer,
} from "../base/mod.ts";
import type { PeerId, VerdictTold } from "../gossip/mod.ts";
import { GOOD, type Pair, type Verdict } from "../selection/mod.ts";
import { Breaker, type BreakerRules, type BreakerSharing, type LessonTold } from "./breaker.ts";
import type { Leg, Outcome } from "./flight.ts";
import type { Begun, DoubtedPair, Health, LandingFacts } from "./health.ts";
import { lessonsOf } from "./lesson.ts";
import { PairHealth, pairOf } from "./pair_health.ts";
import { type Counted, RoleShares } from "./role_shares.ts";
import type { SharedHealth, VerdictSharing } from "./shared_health.ts";

/** How much is put up with. */
export interface HealthRules {
  readonly engine: BreakerRules;
  readonly pair: BreakerRules;
  /** Of a role's engines, the share that may be gone around for their failures; 0 to 1. */
  readonly maxShutShare: number;
}

/** What health needs. */
export interface EngineHealthDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly rules: HealthRules;
  /** How verdicts are shared with other routers; absent where there are none. */
  readonly sharing?: VerdictSharing | undefined;
}

/** Pauses vary by this much to either side, so that routers do not try an engine all at once. */
const JITTER = 0.2;

/** What is known of one engine. */
interface Known {
  engine: Engine;
  readonly breaker: Breaker;
  /** Why it gave no answer to its last question for models; undefined when it did. */
  silent: ErrorCode | undefined;
  /** Why it failed its last check, and since when; undefined when a check or a request went well. */
  unfit: { readonly why: ErrorCode; readonly sinceMs: number } | undefined;
  /** Runs when it may be tried again. */
  timer: Timer | undefined;
  counted: Counted | undefined;
}

/** Legs that say nothing of whether an engine serves. */
const OWN: ReadonlySet<Leg> = new Set(["models", "reclaim", "check"]);

/**
 * An engine that gives no answer to the question for its models is shut until it does; one whose
 * requests fail is shut for a pause, and then tried by one request at a time; one that fails a check
 * is shut until a check or a request goes well. Where more than the
 * allowed share of those of a role that answer would be shut for failures, all of them are on
 * probation instead. Pairs are judged apart.
 */
export class EngineHealth implements Health, SharedHealth, Disposable {
  readonly #deps: EngineHealthDeps;
  readonly #known = new Map<string, Known>();
  readonly #pairs: PairHealth;
  readonly #watchers = new Set<(id: string) => void>();
  readonly #shares: RoleShares;
  /** Roles too much of which fails, as the log was told: none is gone around for it. */
  readonly #pressed = new Set<Role>();

  constructor(deps: EngineHealthDeps) {
    this.#deps = deps;
    const { sharing } = deps;
    this.#pairs = new PairHealth(
      deps.rules.pair,
      deps.log,
      sharing && ((pair): BreakerSharing => sharing.ofPair(pair)),
    );
    this.#shares = new RoleShares(deps.rules.maxShutShare);
  }

  know(engine: Engine): void {
    const known = this.#of(engine);
    // What failed between it and others may be what has been changed of it.
    if (known.engine !== engine && !hasTurned(known.engine, engine)) this.#pairs.forget(engine.id);
    known.engine = engine;
    this.#count(known);
  }

  chose(prefill: Engine, decode: Engine): void {
    this.#pairs.chose({ prefill, decode }, this.#deps.clock.now());
  }

  seated({ id }: Engine): void {
    const known = this.#known.get(id);
    if (known === undefined) return;
    known.breaker.claim(this.#deps.clock.now());
    this.#arm(known);
  }

  began(flight: Begun): void {
    if (OWN.has(flight.leg)) return;
    const known = this.#known.get(flight.engine.id);
    if (known !== undefined) {
      known.breaker.begin(flight.beganMs);
      this.#arm(known);
    }
    const pair = this.#pairOf(flight);
    if (pair !== undefined) this.#pairs.began(pair, flight.beganMs);
  }

  answering(flight: Begun): void {
    // Of a prompt's ids an engine may be able to tell that does nothing else.
    if (OWN.has(flight.leg) || flight.leg === "tokenize") return;
    const known = this.#known.get(flight.engine.id);
    if (known !== undefined) {
      known.breaker.answering(flight.beganMs);
      this.#arm(known);
    }
    const pair = flight.leg === "decode" ? this.#pairOf(flight) : undefined;
    if (pair !== undefined) this.#pairs.answering(pair, flight.beganMs);
  }

  report(outcome: Outcome, landing?: LandingFacts): void {
    const known = this.#of(outcome.engine);
    if (outcome.leg === "models") this.#answered(known, outcome);
    else if (outcome.leg === "check") this.#checked(known, outcome);
    else if (!OWN.has(outcome.leg)) this.#served(known, outcome, landing);
    this.#arm(known);
    this.#count(known);
  }

  engine(id: string): Verdict {
    const known = this.#known.get(id);
    if (known === undefined) return GOOD;
    if (known.silent !== undefined) return { kind: "shut", why: known.silent };
    const verdict = known.unfit === undefined
      ? this.#breakerVerdict(known)
      : { kind: "shut", why: known.unfit.why } as const;
    if (verdict.kind !== "shut" || !this.#pressed.has(known.engine.role)) return verdict;
    return { kind: "probation", why: verdict.why };
  }

  pair(prefill: string, decode: string): Verdict {
    return this.#pairs.verdict(prefill, decode, this.#deps.clock.now());
  }

  pairs(): ((prefill: string, decode: string) => Verdict) | undefined {
    return this.#pairs.verdicts(this.#deps.clock.now());
  }

  doubtedPairs(): readonly DoubtedPair[] {
    return this.#pairs.doubted(this.#deps.clock.now());
  }

  forget(id: string): void {
    const known = this.#known.get(id);
    this.#pairs.forget(id);
    if (known === undefined) return;
    known.timer?.cancel();
    this.#known.delete(id);
    this.#recount(known.counted, undefined);
  }

  watch(on: (id: string) => void): Disposable {
    this.#watchers.add(on);
    return { [Symbol.dispose]: () => void this.#watchers.delete(on) };
  }

  isSilent(id: string): boolean {
    return this.#known.get(id)?.silent !== undefined;
  }

  told(id: string): VerdictTold | undefined {
    const nowMs = this.#deps.clock.now();
    const { breaker, unfit } = this.#known.get(id) ?? {};
    const told = breaker?.told(nowMs);
    if (told === undefined || unfit === undefined) return told;
    return { ...told, unfit: { why: unfit.why, agoMs: nowMs - unfit.sinceMs } };
  }

  hear(id: string, told: VerdictTold): void {
    const nowMs = this.#deps.clock.now();
    const known = this.#known.get(id);
    if (known === undefined || !known.breaker.hear(told, nowMs)) return;
    const { unfit } = told;
    known.unfit = unfit && { why: unfit.why, sinceMs: nowMs - unfit.agoMs };
    this.#changed(known);
  }

  pairTold(pair: Pair): VerdictTold | undefined {
    return this.#pairs.told(pair, this.#deps.clock.now());
  }

  hearPair(pair: Pair, told: VerdictTold): boolean {
    return this.#pairs.hear(pair, told, this.#deps.clock.now());
  }

  get knownPairs(): Iterable<Pair> {
    return this.#pairs.pairs;
  }

  lost(peer: PeerId): void {
    this.#pairs.lost(peer);
    for (const known of this.#known.values()) {
      if (known.breaker.lost(peer)) this.#changed(known);
    }
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#known.values()) timer?.cancel();
    this.#known.clear();
  }

  /** Something else than a flight's outcome has changed what holds. */
  #changed(known: Known): void {
    this.#arm(known);
    this.#count(known);
    this.#tell(known.engine.id);
  }

  #of(engine: Engine): Known {
    let known = this.#known.get(engine.id);
    if (known !== undefined) return known;
    known = {
      engine,
      breaker: new Breaker(this.#deps.rules.engine, this.#deps.sharing?.ofEngine(engine)),
      silent: undefined,
      unfit: undefined,
      timer: undefined,
      counted: undefined,
    };
    this.#known.set(engine.id, known);
    return known;
  }

  #answered(known: Known, { end, code }: Outcome): void {
    if (end === "left") return;
    if (end === "failed") {
      known.silent = code ?? "internal";
      return;
    }
    // It is there again; whether it serves is for a request to find out.
    if (known.silent !== undefined) known.breaker.release(this.#deps.clock.now());
    known.silent = undefined;
  }

  #checked(known: Known, { end, code }: Outcome): void {
    if (end === "left") return;
    const nowMs = this.#deps.clock.now();
    if (end === "failed") {
      const wasFit = known.unfit === undefined;
      known.unfit = { why: code ?? "internal", sinceMs: nowMs };
      if (wasFit) known.breaker.noted();
      return;
    }
    this.#fit(known);
    known.breaker.release(nowMs);
  }

  #served(known: Known, outcome: Outcome, landing: LandingFacts | undefined): void {
    const nowMs = this.#deps.clock.now();
    const { beganMs, root } = landing ?? { beganMs: nowMs - outcome.ms, root: outcome.code };
    const lessons = lessonsOf(outcome, root);
    const told: LessonTold = {
      beganMs,
      nowMs,
      // The client has the engine's own words, a status of 500 or more.
      why: root ?? "decode-failed",
      pause: 1 - JITTER + 2 * JITTER * this.#deps.random.next(),
    };
    known.breaker.learn(lessons.engine, told);
    const isFit = lessons.engine === "ok" && beganMs >= (known.unfit?.sinceMs ?? Infinity);
    if (isFit) this.#fit(known);
    const pair = this.#pairOf(outcome);
    if (pair !== undefined) this.#pairs.learn(pair, lessons.pair, told);
  }

  #fit(known: Known): void {
    if (known.unfit === undefined) return;
    known.unfit = undefined;
    known.breaker.noted();
  }

  /** The pair that a flight serves, if both of its engines are still those that are known. */
  #pairOf(flight: Pick<Begun, "engine" | "leg" | "peer">): Pair | undefined {
    const { peer } = flight;
    return peer !== undefined && this.#known.get(peer.id)?.engine.url === peer.url
      ? pairOf(flight)
      : undefined;
  }

  #breakerVerdict({ breaker }: Known): Verdict {
    return breaker.clean ? GOOD : breaker.verdict(this.#deps.clock.now());
  }

  /** Have the fleet told when `known` may be tried. */
  #arm(known: Known): void {
    if (known.timer === undefined && known.breaker.clean) return;
    known.timer?.cancel();
    known.timer = undefined;
    const { dueMs } = known.breaker;
    const waitMs = dueMs === undefined ? 0 : dueMs - this.#deps.clock.now();
    if (waitMs <= 0) return;
    known.timer = this.#deps.clock.after(waitMs, () => {
      known.timer = undefined;
      // A timer that ran too early would have been the last.
      this.#arm(known);
      this.#tell(known.engine.id);
    });
  }

  /** Those that are tried again count as failing until they have shown better. */
  #count(known: Known): void {
    const { engine: { role }, silent, unfit, breaker, counted } = known;
    const answers = breaker.isShut || unfit !== undefined ? "failing" : "serving";
    const standing = silent === undefined ? answers : "silent";
    if (counted?.role === role && counted.standing === standing) return;
    known.counted = { role, standing };
    this.#recount(counted, known.counted);
  }

  #recount(was: Counted | undefined, is: Counted | undefined): void {
    this.#shares.move(was, is);
    for (const role of new Set([was?.role, is?.role])) if (role !== undefined) this.#weigh(role);
  }

  #weigh(role: Role): void {
    const pressed = this.#shares.isPressed(role);
    if (pressed === this.#pressed.has(role)) return;
    const { answering: of, failing } = this.#shares.of(role);
    const told = { role, failing, of };
    const { log } = this.#deps;
    if (pressed) {
      this.#pressed.add(role);
      log.warning("Too many engines fail to go around them: all of their role serve", told);
    } else {
      this.#pressed.delete(role);
      log.info("Few enough engines fail to go around them", told);
    }
    for (const { engine } of this.#known.values()) if (engine.role === role) this.#tell(engine.id);
  }

  #tell(id: string): void {
    for (const on of this.#watchers) on(id);
  }
}
