/** Parts of the router that are built anew where what they are built of has changed. @module */
import type { Timeouts } from "./config/mod.ts";
import { isSame } from "./reload/mod.ts";
import type { Policies } from "./selection/mod.ts";

/** One part, and what it was built of. */
export class Slot<Of, Part> {
  readonly #build: (of: Of) => Part;
  #of: Of;
  #part: Part;

  /** Builds it for the first time. */
  constructor(of: Of, build: (of: Of) => Part) {
    this.#build = build;
    this.#of = of;
    this.#part = build(of);
  }

  get part(): Part {
    return this.#part;
  }

  /** Have it be what is built of `of`; the one that was there, where it is another. */
  set(of: Of): Part | undefined {
    if (isSame(of, this.#of)) return undefined;
    const before = this.#part;
    this.#of = of;
    this.#part = this.#build(of);
    return before;
  }
}

/** The policies that `read` gives, for whoever holds them over a change. */
export function policiesOf(read: () => Policies): Policies {
  return {
    get prefill() {
      return read().prefill;
    },
    get decode() {
      return read().decode;
    },
    get direct() {
      return read().direct;
    },
  };
}

/** The same of timeouts. */
export function timeoutsOf(read: () => Timeouts): Timeouts {
  return {
    get connectMs() {
      return read().connectMs;
    },
    get tokenizeMs() {
      return read().tokenizeMs;
    },
    get prefillMs() {
      return read().prefillMs;
    },
    get prefillMsPerToken() {
      return read().prefillMsPerToken;
    },
    get firstByteMs() {
      return read().firstByteMs;
    },
    get wholeAnswerMs() {
      return read().wholeAnswerMs;
    },
    get streamIdleMs() {
      return read().streamIdleMs;
    },
  };
}
