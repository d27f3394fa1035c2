/** What a request is let in with: it lasts until the answer has ended. @module */
import { type Lease, RouterError } from "../base/mod.ts";
import type { JsonObject } from "../openai/mod.ts";
import { type Answer, type ByteSource, sourceOf } from "../request/mod.ts";
import { type Estimate, estimateOf } from "./estimate.ts";
import type { KeyState, LimitKind } from "./key_state.ts";
import { UsageScanner } from "./usage_scanner.ts";

/** What is asked of a model. */
export interface ModelAsk {
  /** As the client names it. */
  readonly asked: string;
  /** What that stands for. */
  readonly model: string;
  readonly body: JsonObject;
}

/** One request's permission. */
export interface Pass {
  /** The name of its key; undefined where it needed none. */
  readonly key: string | undefined;
  /** Whether it may use a model that goes by any of `names`. */
  allows(...names: readonly string[]): boolean;
  /** Throws `forbidden` for a model that it may not use, `rate-limited` where it has had its tokens. */
  use(ask: ModelAsk): void;
  /** The answer with what is left of the limits, and its usage seen to. */
  attach<A extends Answer>(answer: A): A;
  /** The answer has ended, however. Any number of times. */
  release(): void;
}

/** The pass of everybody, where there are no keys, or none is needed. */
export const OPEN_PASS: Pass = {
  key: undefined,
  allows: () => true,
  use: () => {},
  attach: (answer) => answer,
  release: () => {},
};

/** Why a request is refused, as a metric label. */
export type RefusalReason = "missing" | "unknown" | "model" | LimitKind;

/** The pass of a key. `onRefused` is told when it does not reach for what is asked. */
export class KeyPass implements Pass {
  readonly key: string;
  readonly #state: KeyState;
  readonly #running: Lease;
  readonly #onRefused: (reason: RefusalReason) => void;
  #estimate: Estimate | undefined;
  #scanner: UsageScanner | undefined;
  #failed = false;
  #released = false;

  constructor(state: KeyState, running: Lease, onRefused: (reason: RefusalReason) => void) {
    this.key = state.name;
    this.#state = state;
    this.#running = running;
    this.#onRefused = onRefused;
  }

  allows(...names: readonly string[]): boolean {
    const { models } = this.#state;
    return models === undefined || names.some((name) => models.includes(name));
  }

  use({ asked, model, body }: ModelAsk): void {
    if (!this.allows(asked, model)) {
      this.#onRefused("model");
      const message = `The key '${this.key}' may not use the model '${asked}'`;
      throw new RouterError("forbidden", message, { param: "model" });
    }
    if (!this.#state.countsTokens || this.#estimate !== undefined) return;
    const estimate = estimateOf(body);
    const refusal = this.#state.useTokens(sumOf(estimate));
    if (refusal !== undefined) {
      this.#onRefused(refusal.kind);
      throw refusal.error;
    }
    this.#estimate = estimate;
  }

  attach<A extends Answer>(answer: A): A {
    const own = this.#state.fields();
    const names = new Set(own.map(([name]) => name));
    const headers = own.length === 0
      ? answer.headers
      : [...answer.headers.filter(([name]) => !names.has(name.toLowerCase())), ...own];
    if (this.#estimate === undefined) return { ...answer, headers };
    this.#failed = answer.status >= 400;
    const scanner = this.#scanner = new UsageScanner();
    const { body } = answer;
    if (!(body instanceof Uint8Array)) {
      return { ...answer, headers, body: scannedSource(body, scanner) };
    }
    scanner.push(body);
    return { ...answer, headers };
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#running.release();
    const estimate = this.#estimate;
    if (estimate === undefined) return;
    this.#state.settleTokens(sumOf(estimate), this.#used(estimate));
  }

  /** What was used: as told, or else about as much as was seen; nothing where nothing was answered. */
  #used({ prompt }: Estimate): number {
    const scanner = this.#scanner;
    if (scanner === undefined || this.#failed) return 0;
    return scanner.tokens ?? prompt + scanner.events;
  }
}

function sumOf({ prompt, answer }: Estimate): number {
  return prompt + answer;
}

function scannedSource(source: ByteSource, scanner: UsageScanner): ByteSource {
  return sourceOf({
    async read() {
      const bytes = await source.read();
      if (bytes !== undefined) scanner.push(bytes);
      return bytes;
    },
    cancel: () => source.cancel(),
    failure: () => source.failure,
  });
}
