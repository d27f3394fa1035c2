/** Health by what requests come to: engines and pairs that fail are gone around, and tried again. @module */
import type { Clock, Engine, ErrorCode, Logger, Random, Role, Timer } from "../base/mod.ts";
import { GOOD, type Verdict } from "../selection/mod.ts";
import { Breaker, type BreakerRules } from "./breaker.ts";
import type { Leg, Outcome } from "./flight.ts";
import type { Begun, Health } from "./health.ts";
import { type Lesson, lessonsOf } from "./lesson.ts";
import { type DoubtedPair, PairHealth, pairOf } from "./pair_health.ts";

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
}

/** Pauses vary by this much to either side, so that routers do not try an engine all at once. */
const JITTER = 0.2;

/** Legs that are no trials of an engine that is on probation. */
const ASIDE: ReadonlySet<Leg> = new Set(["models", "reclaim", "check"]);

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
}

/**
 * An engine that gives no answer to the question for its models is shut until it does; one whose
 * requests fail is shut for a pause, and then tried by one request at a time; one that fails a check is
 * shut until a check or a request goes well. Where more than the
 * allowed share of a role would be shut for failures, none of it is. Pairs are judged apart.
 */
export class EngineHealth implements Health, Disposable {
  readonly #deps: EngineHealthDeps;
  readonly #known = new Map<string, Known>();
  readonly #pairs: PairHealth;
  readonly #watchers = new Set<(id: string) => void>();
  /** Roles too much of which fails: none is gone around for it. */
  readonly #pressed = new Set<Role>();

  constructor(deps: EngineHealthDeps) {
    this.#deps = deps;
    this.#pairs = new PairHealth(deps.rules.pair, deps.log);
  }

  know(engine: Engine): void {
    this.#of(engine).engine = engine;
    this.#weigh(engine.role);
  }

  began(flight: Begun): void {
    const nowMs = this.#deps.clock.now();
    if (ASIDE.has(flight.leg)) return;
    const known = this.#known.get(flight.engine.id);
    if (known !== undefined) {
      known.breaker.begin(nowMs);
      this.#arm(known);
    }
    const pair = pairOf(flight);
    if (pair !== undefined) this.#pairs.began(pair, nowMs);
  }

  answering(flight: Begun, ms: number): void {
    if (ASIDE.has(flight.leg)) return;
    const beganMs = this.#deps.clock.now() - ms;
    const known = this.#known.get(flight.engine.id);
    if (known !== undefined) {
      known.breaker.answering(beganMs);
      this.#arm(known);
    }
    const pair = flight.leg === "decode" ? pairOf(flight) : undefined;
    if (pair !== undefined) this.#pairs.answering(pair, beganMs);
  }

  report(outcome: Outcome): void {
    const known = this.#of(outcome.engine);
    const before = this.#failing(known);
    if (outcome.leg === "models") this.#answered(known, outcome);
    else if (outcome.leg === "check") this.#checked(known, outcome);
    else this.#served(known, outcome);
    this.#arm(known);
    if (this.#failing(known) !== before) this.#weigh(known.engine.role);
  }

  engine(id: string): Verdict {
    const known = this.#known.get(id);
    if (known === undefined) return GOOD;
    if (known.silent !== undefined) return { kind: "shut", why: known.silent };
    if (this.#pressed.has(known.engine.role)) return GOOD;
    return known.unfit === undefined
      ? this.#breakerVerdict(known)
      : { kind: "shut", why: known.unfit.why };
  }

  pair(prefill: string, decode: string): Verdict {
    return this.#pairs.verdict({ prefill, decode }, this.#deps.clock.now());
  }

  /** The pairs that are not good. */
  doubtedPairs(): readonly DoubtedPair[] {
    return this.#pairs.doubted(this.#deps.clock.now());
  }

  forget(id: string): void {
    const known = this.#known.get(id);
    known?.timer?.cancel();
    this.#known.delete(id);
    this.#pairs.forget(id);
    if (known !== undefined) this.#weigh(known.engine.role);
  }

  watch(on: (id: string) => void): Disposable {
    this.#watchers.add(on);
    return { [Symbol.dispose]: () => void this.#watchers.delete(on) };
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#known.values()) timer?.cancel();
    this.#known.clear();
  }

  #of(engine: Engine): Known {
    const known = this.#known.get(engine.id) ??
      {
        engine,
        breaker: new Breaker(this.#deps.rules.engine),
        silent: undefined,
        unfit: undefined,
        timer: undefined,
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
      known.unfit = { why: code ?? "internal", sinceMs: nowMs };
      return;
    }
    known.unfit = undefined;
    known.breaker.release(nowMs);
  }

  #served(known: Known, outcome: Outcome): void {
    const nowMs = this.#deps.clock.now();
    const lessons = lessonsOf(outcome);
    const told = {
      beganMs: nowMs - outcome.ms,
      nowMs,
      why: outcome.code ?? "internal",
      pause: 1 - JITTER + 2 * JITTER * this.#deps.random.next(),
    };
    learn(known.breaker, lessons.engine, told);
    const isFit = lessons.engine === "ok" && told.beganMs >= (known.unfit?.sinceMs ?? Infinity);
    if (isFit) known.unfit = undefined;
    const pair = pairOf(outcome);
    if (pair === undefined) return;
    // A prefill that went well leaves the pair's trial to its decode.
    if (outcome.leg === "prefill" && outcome.end === "ok") return;
    this.#pairs.learn(pair, { lesson: lessons.pair, ...told });
  }

  /** Whether it answers, and is shut all the same. */
  #failing(known: Known): boolean {
    if (known.silent !== undefined) return false;
    return known.unfit !== undefined || this.#breakerVerdict(known).kind === "shut";
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
      this.#tell(known.engine.id);
      this.#weigh(known.engine.role);
    });
  }

  /** Whether too much of `role` is shut for its failures. */
  #weigh(role: Role): void {
    let all = 0;
    let failing = 0;
    for (const known of this.#known.values()) {
      if (known.engine.role !== role) continue;
      all++;
      if (this.#failing(known)) failing++;
    }
    const pressed = failing > 1 && failing > all * this.#deps.rules.maxShutShare;
    if (pressed === this.#pressed.has(role)) return;
    if (pressed) this.#pressed.add(role);
    else this.#pressed.delete(role);
    const { log } = this.#deps;
    if (pressed) {
      log.warning("Too many engines fail to go around them: all of their role serve", {
        role,
        failing,
        of: all,
      });
    } else log.info("Engines that fail are gone around again", { role, failing, of: all });
    for (const { engine } of this.#known.values()) if (engine.role === role) this.#tell(engine.id);
  }

  #tell(id: string): void {
    for (const on of this.#watchers) on(id);
  }
}

function learn(
  breaker: Breaker,
  lesson: Lesson,
  told: Omit<Parameters<Breaker["failed"]>[0], "grave">,
): void {
  switch (lesson) {
    case "ok":
      return breaker.ok(told.beganMs);
    case "failed":
    case "grave":
      return breaker.failed({ ...told, grave: lesson === "grave" });
    case "nothing":
      return breaker.left(told.beganMs);
    default:
      return lesson satisfies never;
  }
}
