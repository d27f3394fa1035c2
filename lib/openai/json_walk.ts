/**
 * Goes over JSON text value by value, as far at a time as it is told to.
 *
 * Structure (brackets, commas, colons, literals, numbers) is checked strictly; the inside of
 * strings is only passed over, as the engine parses them anyway.
 * @module
 */
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  isSpace,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  type Sliced,
  STEP_BYTES,
} from "../base/mod.ts";
import { JsonScanError, MAX_DEPTH, passScalar, passString } from "./json_tokens.ts";

/**
 * What a step came to: a container was entered, a value passed over, a container left, all of it
 * was walked over, or there is more of it behind the place to stop at.
 */
export type WalkEvent = "open" | "value" | "close" | "end" | "more";

/** What is walked over, and how far into it. */
export interface WalkOptions {
  /** The byte that the text has to begin with, behind white space. */
  readonly root: typeof OPEN_BRACE | typeof OPEN_BRACKET;
  /** Containers down to here are entered, the outermost being 1; deeper ones are values. */
  readonly depth: number;
  /** Nothing but white space may follow. */
  readonly whole?: boolean;
  /** Take `NaN`, `Infinity` and `-Infinity` for numbers, as Python does. */
  readonly python?: boolean;
}

/** Bytes in a first step, while the code may be slow yet; they double from step to step. */
const FIRST_STEP_BYTES = 2 * 1024;

/** What has to come next. */
const State = {
  root: 0,
  value: 1,
  firstValue: 2,
  key: 3,
  firstKey: 4,
  colon: 5,
  behindValue: 6,
  behindAll: 7,
  inString: 8,
  inKey: 9,
} as const;
type State = (typeof State)[keyof typeof State];

/** One walk over one object or array. */
export class JsonWalk {
  /** Where the key of the latest value begins and ends, quotes included, in an object. */
  keyStart = 0;
  keyEnd = 0;
  /** Where the latest value begins; once it is passed over, it ends at `at`. */
  start = 0;
  readonly #bytes: Uint8Array;
  readonly #options: WalkOptions;
  readonly #deepest: number;
  readonly #python: boolean;
  /** By depth, 1 for an object that is open. */
  readonly #objects: number[] = [0];
  #at: number;
  /** Where the step under way ends. */
  #stop: number;
  #stepBytes = FIRST_STEP_BYTES;
  #depth = 0;
  #state: State = State.root;
  /** Where the string begins that is being passed over. */
  #string = 0;
  /** The bytes up to where to stop: the native search knows no other end. */
  #window: Uint8Array;

  /** Begins at `from`. */
  constructor(bytes: Uint8Array, from: number, options: WalkOptions) {
    this.#bytes = bytes;
    this.#window = bytes;
    this.#options = options;
    this.#deepest = options.depth;
    this.#python = options.python ?? false;
    this.#at = from;
    this.#stop = from + FIRST_STEP_BYTES;
  }

  /** How far it has come. */
  get at(): number {
    return this.#at;
  }

  /** Containers that are open, those passed over as values included. */
  get depth(): number {
    return this.#depth;
  }

  /**
   * Go on to the next event; "more" when none has come up to about `stop`.
   * Throws `JsonScanError`.
   */
  next(stop: number): WalkEvent {
    const bytes = this.#bytes;
    const end = Math.min(stop, bytes.length);
    if (this.#window.length !== end) this.#window = bytes.subarray(0, end);
    for (;;) {
      if (this.#state < State.inString) this.#passSpace(end);
      const at = this.#at;
      if (at >= end && end < bytes.length) return "more";
      const event = this.#step(at < bytes.length ? bytes[at] ?? 0 : NOTHING, end);
      if (event !== undefined) return event;
    }
  }

  /** Go on to the next event; "more" at the end of a step. Throws `JsonScanError`. */
  step(): WalkEvent {
    const event = this.next(this.#stop);
    if (event !== "more") return event;
    this.#stepBytes = Math.min(2 * this.#stepBytes, STEP_BYTES);
    this.#stop = this.#at + this.#stepBytes;
    return event;
  }

  /** Go on to the next event, in steps: for events that are few. */
  *going(): Sliced<Exclude<WalkEvent, "more">> {
    for (;;) {
      const event = this.step();
      if (event !== "more") return event;
      yield;
    }
  }

  #passSpace(end: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    while (at < end && isSpace(bytes[at] ?? 0)) at++;
    this.#at = at;
  }

  #step(byte: number, end: number): WalkEvent | undefined {
    const state = this.#state;
    switch (state) {
      case State.behindValue:
        return this.#behindValue(byte);
      case State.firstValue:
        return byte === CLOSE_BRACKET ? this.#close() : this.#value(byte);
      case State.value:
        return this.#value(byte);
      case State.firstKey:
        return byte === CLOSE_BRACE ? this.#close() : this.#key(byte);
      case State.key:
        return this.#key(byte);
      case State.colon:
        if (byte !== COLON) throw new JsonScanError("Expected ':'", this.#at);
        return this.#goTo(State.value, 1);
      case State.inString:
      case State.inKey:
        return this.#inside(end);
      case State.root:
        return this.#root(byte);
      case State.behindAll:
        if (this.#options.whole !== true || byte === NOTHING) return "end";
        throw new JsonScanError("Unexpected data after the object", this.#at);
      default:
        return state satisfies never;
    }
  }

  /** `count` bytes are passed over, and `state` says what has to come. */
  #goTo(state: State, count: number): undefined {
    this.#at += count;
    this.#state = state;
  }

  #root(byte: number): undefined {
    const { root } = this.#options;
    if (byte === root) return this.#goTo(State.value, 0);
    throw new JsonScanError(`Expected an ${root === OPEN_BRACE ? "object" : "array"}`, this.#at);
  }

  #behindValue(byte: number): WalkEvent | undefined {
    const object = this.#objects[this.#depth] === 1;
    if (byte === COMMA) return this.#goTo(object ? State.key : State.value, 1);
    if (byte === (object ? CLOSE_BRACE : CLOSE_BRACKET)) return this.#close();
    throw new JsonScanError(`Expected ',' or '${object ? "}" : "]"}'`, this.#at);
  }

  #key(byte: number): undefined {
    if (byte !== QUOTE) throw new JsonScanError("Expected a string", this.#at);
    if (this.#depth <= this.#deepest) this.keyStart = this.#at;
    this.#string = this.#at;
    return this.#goTo(State.inKey, 1);
  }

  #value(byte: number): WalkEvent | undefined {
    const at = this.#at;
    if (this.#depth <= this.#deepest) this.start = at;
    if (byte === QUOTE) {
      this.#string = at;
      return this.#goTo(State.inString, 1);
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) return this.#open(byte);
    return this.#passed(passScalar(this.#bytes, at, this.#python));
  }

  #passed(behind: number): WalkEvent | undefined {
    this.#at = behind;
    this.#state = State.behindValue;
    return this.#depth <= this.#deepest ? "value" : undefined;
  }

  #open(byte: number): WalkEvent | undefined {
    if (this.#depth > MAX_DEPTH) {
      throw new JsonScanError(`Nested deeper than ${MAX_DEPTH}`, this.#at);
    }
    const object = byte === OPEN_BRACE;
    const depth = ++this.#depth;
    this.#objects[depth] = object ? 1 : 0;
    this.#goTo(object ? State.firstKey : State.firstValue, 1);
    return depth <= this.#deepest ? "open" : undefined;
  }

  #close(): WalkEvent | undefined {
    const depth = --this.#depth;
    this.#goTo(depth === 0 ? State.behindAll : State.behindValue, 1);
    if (depth > this.#deepest) return undefined;
    return depth === this.#deepest ? "value" : "close";
  }

  #inside(end: number): WalkEvent | undefined {
    const behind = passString(this.#window, this.#at, end);
    if (behind < 0) {
      this.#at = ~behind;
      if (this.#at < this.#bytes.length) return undefined;
      throw new JsonScanError("Unterminated string", this.#string);
    }
    if (this.#state === State.inString) return this.#passed(behind);
    this.#at = behind;
    this.#state = State.colon;
    if (this.#depth <= this.#deepest) this.keyEnd = behind;
    return undefined;
  }
}

/** In place of a byte behind the last. */
const NOTHING = -1;
