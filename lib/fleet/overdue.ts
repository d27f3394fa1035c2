/** Notices engines that answer nothing for longer than they use to, as one that is frozen does. @module */
import { type Clock, every, Linked, LinkedList, type Timer } from "../base/mod.ts";
import type { Leg } from "./flight.ts";

/** What the watch needs. */
export interface OverdueDeps {
  readonly clock: Clock;
  /** Silence of less than this, in milliseconds, is no reason to ask. */
  readonly floorMs: number;
  /** The engine called `id` is overdue: ask it. Told again while it is, at longer and longer intervals. */
  readonly onOverdue: (id: string) => void;
}

/** A request whose answer has not begun. */
export class Awaited extends Linked {
  readonly leg: Leg;
  /** On the clock's monotonic scale, in milliseconds. */
  readonly sinceMs: number;

  /** It was sent at `sinceMs`. */
  constructor(leg: Leg, sinceMs: number) {
    super();
    this.leg = leg;
    this.sinceMs = sinceMs;
  }
}

/** How often the engines with something under way are looked at, in milliseconds. */
const LOOK_MS = 500;

/** Answers of a leg by which the usual wait is told: the longest of so many is about their p99. */
const RECENT = 64;

/** How much longer than usual is too long. */
const SLACK = 1.5;

/** Silence of more than this, in milliseconds, is worth a question, however long answers use to take. */
const CEILING_MS = 5_000;

/** Longest interval between two questions of an engine that answers them, in milliseconds. */
const LONGEST_MS = 30_000;

/** What is under way on one engine, and how long it takes. */
class EngineWaits {
  /** In the order in which they began. */
  readonly awaited = new LinkedList<Awaited>();
  readonly #recent = new Map<Leg, number[]>();
  /** When an answer has last begun. */
  signMs = -Infinity;
  /** Not before this is it asked again. */
  askMs = -Infinity;
  intervalMs = 0;

  answered(leg: Leg, ms: number): void {
    const recent = this.#recent.get(leg);
    if (recent === undefined) this.#recent.set(leg, [ms]);
    else if (recent.push(ms) > RECENT) recent.shift();
  }

  usualMs(leg: Leg): number {
    return Math.max(0, ...this.#recent.get(leg) ?? []);
  }
}

/**
 * An engine is overdue when its oldest unanswered request has waited for longer than its like use to,
 * and none of its answers has begun meanwhile. Looks only while something is under way.
 */
export class OverdueWatch implements Disposable {
  readonly #deps: OverdueDeps;
  readonly #engines = new Map<string, EngineWaits>();
  #waiting = 0;
  #looking: Timer | undefined;

  constructor(deps: OverdueDeps) {
    this.#deps = deps;
  }

  /** For how long the answers of `id` have been missed, in milliseconds; undefined when they are not. */
  overdueMs(id: string): number | undefined {
    const waits = this.#engines.get(id);
    return waits && this.#overdueMs(waits);
  }

  /** A request has been sent to the engine called `id`; `answered` or `ended` must be told of it. */
  began(id: string, leg: Leg): Awaited {
    const waits = this.#waitsOf(id);
    const awaited = new Awaited(leg, this.#deps.clock.now());
    waits.awaited.add(awaited);
    this.#waiting++;
    this.#looking ??= every(this.#deps.clock, LOOK_MS, () => this.#look());
    return awaited;
  }

  /** An answer has begun. */
  answered(id: string, awaited: Awaited): void {
    const waits = this.#engines.get(id);
    if (waits === undefined || !this.#end(waits, awaited)) return;
    const nowMs = this.#deps.clock.now();
    waits.answered(awaited.leg, nowMs - awaited.sinceMs);
    waits.signMs = nowMs;
    waits.askMs = -Infinity;
    waits.intervalMs = 0;
  }

  /** Nothing is waited for any more; told of what was answered too, it changes nothing. */
  ended(id: string, awaited: Awaited): void {
    const waits = this.#engines.get(id);
    if (waits !== undefined) this.#end(waits, awaited);
  }

  /** An engine has gone. */
  forget(id: string): void {
    this.#waiting -= this.#engines.get(id)?.awaited.size ?? 0;
    this.#engines.delete(id);
  }

  [Symbol.dispose](): void {
    this.#engines.clear();
    this.#waiting = 0;
    this.#stop();
  }

  #waitsOf(id: string): EngineWaits {
    let waits = this.#engines.get(id);
    if (waits === undefined) this.#engines.set(id, waits = new EngineWaits());
    return waits;
  }

  #end(waits: EngineWaits, awaited: Awaited): boolean {
    if (!waits.awaited.delete(awaited)) return false;
    this.#waiting--;
    return true;
  }

  #stop(): void {
    this.#looking?.cancel();
    this.#looking = undefined;
  }

  #look(): void {
    // Not stopped by the last answer: there may be a thousand of them in a second.
    if (this.#waiting === 0) return this.#stop();
    const nowMs = this.#deps.clock.now();
    for (const [id, waits] of this.#engines) {
      const overdueMs = this.#overdueMs(waits);
      if (overdueMs === undefined || nowMs < waits.askMs) continue;
      waits.intervalMs = Math.min(Math.max(waits.intervalMs * 2, overdueMs), LONGEST_MS);
      waits.askMs = nowMs + waits.intervalMs;
      this.#deps.onOverdue(id);
    }
  }

  /** For how long nothing has come of an engine that should have answered; undefined when all is well. */
  #overdueMs(waits: EngineWaits): number | undefined {
    const oldest = waits.awaited.first;
    if (oldest === undefined) return undefined;
    const silentMs = this.#deps.clock.now() - Math.max(oldest.sinceMs, waits.signMs);
    const usualMs = Math.min(waits.usualMs(oldest.leg) * SLACK, CEILING_MS);
    return silentMs > Math.max(usualMs, this.#deps.floorMs) ? silentMs : undefined;
  }
}
