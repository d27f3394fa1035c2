/** The prompts of one request, each under way as a request of its own. @module */
import {
  type Breather,
  describeError,
  errorCodeOf,
  GrowingBytes,
  RouterError,
} from "../base/mod.ts";
import {
  type Answer,
  type FlowDeps,
  isWhole,
  MAX_JSON_BYTES,
  type RequestContext,
} from "../request/mod.ts";

/** What a list works with. */
export type FanOutDeps =
  & Pick<FlowDeps, "clock" | "log" | "background">
  & Partial<Pick<FlowDeps, "breather">>;

/** How the answer to one prompt began, or the whole of it where it is not streamed. */
export type PromptEnd =
  | { readonly kind: "answer"; readonly answer: Answer }
  /** The answer is an error, complete. */
  | { readonly kind: "refused"; readonly answer: Answer }
  | { readonly kind: "failed"; readonly error: unknown };

/** A prompt that has been begun. Its `end` never rejects. */
export interface BegunPrompt {
  readonly index: number;
  readonly end: Promise<PromptEnd>;
}

/** Answers the prompt at `index`. */
type AnswerAt = (context: RequestContext, index: number) => Promise<Answer>;

/** Begins the prompts in order, and ends them together. Ended or released by its holder. */
export class PromptList {
  readonly #deps: FanOutDeps;
  readonly #context: RequestContext;
  readonly #shape: { readonly size: number; readonly stream: boolean };
  readonly #answerAt: AnswerAt;
  readonly #group = new AbortController();
  readonly #onGone = (): void => this.end();
  #begun = 0;

  constructor(
    deps: FanOutDeps,
    context: RequestContext,
    shape: { readonly size: number; readonly stream: boolean },
    answerAt: AnswerAt,
  ) {
    this.#deps = deps;
    this.#context = context;
    this.#shape = shape;
    this.#answerAt = answerAt;
    if (context.signal.aborted) this.end();
    else context.signal.addEventListener("abort", this.#onGone, { once: true });
  }

  /** Where long work on answers rests. */
  get breather(): Breather | undefined {
    return this.#deps.breather;
  }

  /** How many prompts there are. */
  get size(): number {
    return this.#shape.size;
  }

  /** Aborts when the list is ended, or its client has gone. */
  get signal(): AbortSignal {
    return this.#group.signal;
  }

  /** Begin the next prompt; undefined when there is none left, or the list has ended. */
  next(): BegunPrompt | undefined {
    if (this.#begun >= this.#shape.size || this.#group.signal.aborted) return undefined;
    const index = this.#begun++;
    return { index, end: this.#begin(index) };
  }

  /** Begin the next `count` prompts, or as many as there are. */
  begin(count: number): readonly BegunPrompt[] {
    return Array.from({ length: count }, () => this.next()).filter((begun) => begun !== undefined);
  }

  /** Nothing more is wanted: what is under way ends as if its client had gone. */
  end(): void {
    this.release();
    this.#group.abort();
  }

  /** All prompts are answered. */
  release(): void {
    this.#context.signal.removeEventListener("abort", this.#onGone);
  }

  /** Look after a prompt whose answer nobody waits for any more. */
  abandon(end: Promise<PromptEnd>): void {
    this.#deps.background.run(end.then((late) => {
      if (late.kind === "failed") this.#note(late.error);
      else if (!isWhole(late.answer.body)) late.answer.body.cancel();
    }));
  }

  /** The client is told of one failure alone. */
  #note(error: unknown): void {
    if (errorCodeOf(error) === "client-gone") return;
    this.#deps.log.debug("A prompt of a list that has ended failed", () => ({
      request: this.#context.id,
      error: describeError(error),
    }));
  }

  async #begin(index: number): Promise<PromptEnd> {
    const single = this.#contextOf(index);
    try {
      const answer = await this.#answerAt(single, index);
      const refused = answer.status >= 400;
      if (this.#shape.stream && !refused) return { kind: "answer", answer };
      const body = await readAll(answer.body, this.#deps.breather);
      return { kind: refused ? "refused" : "answer", answer: { ...answer, body } };
    } catch (error) {
      return { kind: "failed", error };
    } finally {
      this.#context.trace.events.push(...single.trace.events);
    }
  }

  /** Engines name requests by these ids: each prompt has its own, as the parts of a list have. */
  #contextOf(index: number): RequestContext {
    const id = `${this.#context.id}-${index}`;
    const headers = this.#context.headers.filter(([name]) => name.toLowerCase() !== "x-request-id");
    return {
      ...this.#context,
      id,
      signal: this.#group.signal,
      headers: [...headers, ["x-request-id", id]],
      trace: this.#context.trace.part(),
    };
  }
}

/** A body to its end. Throws what its reading throws, and `upstream-protocol` beyond 256 MiB. */
async function readAll(
  body: Answer["body"],
  breather: Breather | undefined,
): Promise<Uint8Array> {
  if (isWhole(body)) return body;
  const held = new GrowingBytes(MAX_JSON_BYTES);
  for (;;) {
    const bytes = await body.read();
    if (bytes === undefined) return held.view();
    if (held.length + bytes.length > MAX_JSON_BYTES) {
      body.cancel();
      throw new RouterError(
        "upstream-protocol",
        `An engine's answer to one prompt exceeds ${MAX_JSON_BYTES} bytes`,
      );
    }
    held.append(bytes);
    // What is at hand is read without the event loop going round.
    if (breather?.tired() === true) await breather.pause();
  }
}
