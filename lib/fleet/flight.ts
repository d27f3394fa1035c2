/** One exchange with one engine, from its choice to its outcome. @module */
import {
  type Clock,
  type Engine,
  type ErrorCode,
  errorCodeOf,
  overloadIn,
  rootCodeOf,
  RouterError,
} from "../base/mod.ts";

/** What an engine is asked for. */
export type Leg = "prefill" | "decode" | "direct" | "tokenize" | "reclaim" | "models" | "check";

/** Legs in which an engine works on a client's request: they are counted as in flight. */
export type ServingLeg = Extract<Leg, "prefill" | "decode" | "direct">;

/** Whether a leg is one of those. */
export function isServing(leg: Leg): leg is ServingLeg {
  return leg === "prefill" || leg === "decode" || leg === "direct";
}

/** How a flight ended. Told once for each. */
export interface Outcome {
  readonly engine: Engine;
  readonly leg: Leg;
  /** The other engine of a handoff. */
  readonly peer: Engine | undefined;
  /** `left`: nobody waits for it any more, which says nothing of the engine. */
  readonly end: "ok" | "failed" | "left";
  /** Set when it failed. */
  readonly code: ErrorCode | undefined;
  /** Of the answer, when its head has come; where a refusal is told in it, that of the refusal. */
  readonly status: number | undefined;
  /** From the choice to the answer's head, and to the end, in milliseconds. */
  readonly headMs: number | undefined;
  readonly ms: number;
}

/**
 * Whoever holds a flight says how it ended, once: what is said later changes nothing. Disposed unsaid,
 * it was left.
 */
export interface Flight extends Disposable {
  readonly engine: Engine;
  readonly leg: Leg;
  /** The head of the answer has come. */
  head(status: number): void;
  /** It has its answer. */
  ok(): void;
  /** It has none; a client that has gone, or a router without room, is no failure of the engine. */
  failed(error: unknown): void;
  /** Hand it to another holder: this one then says nothing. */
  move(): Flight;
}

/** What a flight is made of. */
export interface FlightParts {
  readonly clock: Clock;
  readonly engine: Engine;
  readonly leg: Leg;
  readonly peer: Engine | undefined;
  /** Told once, when the head of an answer has come. */
  readonly onHead?: (status: number) => void;
  /** Told once, when it is over; `root` is the code of the innermost cause of its failure. */
  readonly onLanded: (outcome: Outcome, root: ErrorCode | undefined) => void;
}

/** A flight that begins at this moment. */
export function takeOff(parts: FlightParts): Flight {
  return new LiveFlight(new FlightRecord(parts));
}

/** What is known of a flight, whoever holds it. */
class FlightRecord {
  readonly parts: FlightParts;
  readonly #since: number;
  #status: number | undefined;
  #headMs: number | undefined;
  #landed = false;

  constructor(parts: FlightParts) {
    this.parts = parts;
    this.#since = parts.clock.now();
  }

  head(status: number): void {
    if (this.#status !== undefined) return;
    this.#status = status;
    this.#headMs = this.parts.clock.now() - this.#since;
    this.parts.onHead?.(status);
  }

  /** `said`: the status that the engine has told in its answer, in place of the answer's own. */
  land(end: Outcome["end"], code?: ErrorCode, root = code, said?: number): void {
    if (this.#landed) return;
    this.#landed = true;
    const { engine, leg, peer, clock, onLanded } = this.parts;
    const ms = clock.now() - this.#since;
    const [status, headMs] = [said ?? this.#status, this.#headMs];
    onLanded({ engine, leg, peer, end, code, status, headMs, ms }, root);
  }
}

class LiveFlight implements Flight {
  readonly engine: Engine;
  readonly leg: Leg;
  #record: FlightRecord | undefined;

  constructor(record: FlightRecord) {
    this.engine = record.parts.engine;
    this.leg = record.parts.leg;
    this.#record = record;
  }

  head(status: number): void {
    this.#record?.head(status);
  }

  ok(): void {
    this.#record?.land("ok");
  }

  failed(error: unknown): void {
    const code = errorCodeOf(error) ?? "internal";
    const isOurs = code === "client-gone" || overloadIn(error) !== undefined;
    if (isOurs) return this.#record?.land("left");
    const said = error instanceof RouterError ? error.refusal?.status : undefined;
    this.#record?.land("failed", code, rootCodeOf(error) ?? code, said);
  }

  move(): Flight {
    const record = this.#record;
    this.#record = undefined;
    if (record === undefined) throw new TypeError("A flight was handed on twice");
    return new LiveFlight(record);
  }

  [Symbol.dispose](): void {
    this.#record?.land("left");
  }
}
