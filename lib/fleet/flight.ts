/** One exchange with one engine, from its choice to its outcome. @module */
import {
  type Clock,
  type Engine,
  type ErrorCode,
  errorCodeOf,
  type LegSpan,
  overloadIn,
  rootCodeOf,
  RouterError,
  type Spans,
} from "../base/mod.ts";
import type { PromptFacts } from "../selection/mod.ts";

/** What an engine is asked for. */
export type Leg = "prefill" | "decode" | "direct" | "tokenize" | "reclaim" | "models" | "check";

/** Legs in which an engine works on a client's request: they are counted as in flight. */
export type ServingLeg = Extract<Leg, "prefill" | "decode" | "direct">;

/** Whether a client's request is worked on in `leg`. */
export function isServing(leg: Leg): leg is ServingLeg {
  return leg === "prefill" || leg === "decode" || leg === "direct";
}

/** What a flight is for. */
export interface FlightSubject {
  readonly model?: string | undefined;
  /** Of the leg that computes it. */
  readonly prompt?: PromptFacts | undefined;
  /** Told of its outcome when it is over; with spans, where the request is traced. */
  readonly record?:
    | { landed(outcome: Outcome): void; readonly spans?: Spans | undefined }
    | undefined;
  /**
   * Spans of the request that it is for.
   * @default the record's
   */
  readonly spans?: Spans | undefined;
}

/** Tokens of one answer. */
export interface AnswerTokens {
  /** Of its prompt; absent where that is not known. */
  readonly prompt?: number;
  /** Of its own. */
  readonly answer: number;
  /** Of these, the ones that the engine of the flight has made; absent: all. */
  readonly own?: number;
  /** The engine has not told: they are about as many. */
  readonly about?: true;
}

/** How a flight ended. Told once for each. */
export interface Outcome {
  readonly engine: Engine;
  readonly leg: Leg;
  /** The model that it is about, where it is about one. */
  readonly model?: string;
  /** The other engine of a handoff. */
  readonly peer: Engine | undefined;
  /** `left`: nobody waits for it any more, which says nothing of the engine. */
  readonly end: "ok" | "failed" | "left";
  /** Set when it failed. */
  readonly code: ErrorCode | undefined;
  /** Of the answer, when its head has come; where a refusal is told in it, that of the refusal. */
  readonly status: number | undefined;
  /** Set when it failed because the engine refused the request (4xx), in words that the client gets. */
  readonly refused?: true;
  /** From the choice to the answer's head, and to the end, in milliseconds. */
  readonly headMs: number | undefined;
  readonly ms: number;
  /** From the choice to the first token of a stream, in milliseconds; absent where none has come. */
  readonly firstMs?: number;
  readonly tokens?: AnswerTokens;
}

/**
 * Whoever holds a flight says how it ended, once: what is said later changes nothing. Disposed unsaid,
 * it was left.
 */
export interface Flight extends Disposable {
  readonly engine: Engine;
  readonly leg: Leg;
  /** Set where it is for a request that is traced. */
  readonly span?: LegSpan | undefined;
  /** The head of the answer has come. */
  head(status: number): void;
  /** The first token of a streamed answer has come. */
  first(): void;
  /** What its answer has of tokens; what is said last counts. */
  used(tokens: AnswerTokens): void;
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
  readonly model?: string | undefined;
  /** Told of its end too. */
  readonly span?: LegSpan | undefined;
  /** Told once, when the head of an answer has come. */
  readonly onHead?: (status: number) => void;
  /** Told once, when the first token of a stream has come. */
  readonly onFirst?: () => void;
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
  #firstMs: number | undefined;
  #tokens: AnswerTokens | undefined;
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

  first(): void {
    if (this.#firstMs !== undefined || this.#landed) return;
    this.#firstMs = this.parts.clock.now() - this.#since;
    this.parts.onFirst?.();
  }

  used(tokens: AnswerTokens): void {
    this.#tokens = tokens;
  }

  /** `said`: the status that the engine has told in its answer, in place of the answer's own. */
  land(end: Outcome["end"], code?: ErrorCode, root = code, said?: number): void {
    if (this.#landed) return;
    this.#landed = true;
    const { engine, leg, peer, model, clock, onLanded } = this.parts;
    const ms = clock.now() - this.#since;
    const [status, headMs] = [said ?? this.#status, this.#headMs];
    const refused = said !== undefined && said < 500 ? { refused: true } as const : {};
    const known = {
      ...refused,
      ...(model === undefined ? {} : { model }),
      ...(this.#firstMs === undefined ? {} : { firstMs: this.#firstMs }),
      ...(this.#tokens === undefined ? {} : { tokens: this.#tokens }),
    };
    const outcome: Outcome = { engine, leg, peer, end, code, status, headMs, ms, ...known };
    this.parts.span?.end(outcome);
    onLanded(outcome, root);
  }
}

class LiveFlight implements Flight {
  readonly engine: Engine;
  readonly leg: Leg;
  readonly span: LegSpan | undefined;
  #record: FlightRecord | undefined;

  constructor(record: FlightRecord) {
    this.engine = record.parts.engine;
    this.leg = record.parts.leg;
    this.span = record.parts.span;
    this.#record = record;
  }

  head(status: number): void {
    this.#record?.head(status);
  }

  first(): void {
    this.#record?.first();
  }

  used(tokens: AnswerTokens): void {
    this.#record?.used(tokens);
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
