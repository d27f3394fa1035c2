/** The hooks of a running router: called in bounds, counted, and never waited for without end. @module */
import {
  type AbortWatch,
  type ByteShare,
  type Clock,
  describeError,
  encodeUtf8,
  errorCodeOf,
  type Logger,
  sleep,
} from "../base/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import { type Answer, type Background, isWhole } from "../request/mod.ts";
import { answerOfResponse } from "./answer_of_response.ts";
import { boundedCall } from "./bounded_call.ts";
import { type Content, keptSource, MAX_CONTENT_BYTES } from "./content.ts";
import type { HookRequest, MaybePromise } from "./contract.ts";
import type { LoadedHooks } from "./load.ts";

/** What hooks work with. */
export interface HookParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly background: Background;
  readonly timeoutMs: number;
}

/** Calls of postRequest at a time; further ones are left out. */
const MAX_POSTS = 64;

/** Which hook, as a metric label. */
type HookName = "pre_request" | "rewrite_request" | "post_request";

/** The hooks of one router. */
export class Hooks {
  readonly #parts: HookParts;
  readonly #loaded: LoadedHooks;
  #posts = 0;

  constructor(loaded: LoadedHooks, parts: HookParts) {
    this.#loaded = loaded;
    this.#parts = parts;
  }

  /** The answer that preRequest gives; undefined where the request goes on. Rejects as `boundedCall`. */
  async before(request: HookRequest, signal: AbortWatch): Promise<Answer | undefined> {
    const { callbacks } = this.#loaded;
    if (callbacks?.preRequest === undefined) return undefined;
    const answer = await this.#call("pre_request", "The callback preRequest", signal, async () => {
      const given: unknown = await callbacks.preRequest?.(request);
      return given === undefined || given === null ? undefined : await answerOfResponse(given);
    });
    if (answer !== undefined) this.#count("pre_request", "answered");
    return answer;
  }

  /** The body to go on with, where it is another one. Rejects as `boundedCall`. */
  async rewritten(
    { model, path, body }: HookRequest,
    signal: AbortWatch,
  ): Promise<Uint8Array | undefined> {
    const { rewriter } = this.#loaded;
    if (rewriter === undefined) return undefined;
    const text = new TextDecoder().decode(body);
    return await this.#call("rewrite_request", "The request rewriter", signal, async () => {
      const given: unknown = await rewriter(text, model, path);
      if (given === undefined || given === null || given === text) return undefined;
      if (typeof given !== "string") throw new TypeError(`it gave a ${typeof given}, no string`);
      return encodeUtf8(given);
    });
  }

  /** `answer`, of which postRequest is told when it has ended. `held` grows with what is kept for it. */
  after(request: HookRequest, answer: Answer, held: ByteShare | undefined): Answer {
    if (this.#loaded.callbacks?.postRequest === undefined) return answer;
    const end = (content: Content): void => this.#post(request, answer, content);
    const { body } = answer;
    if (!isWhole(body)) {
      return { ...answer, body: keptSource(body, (bytes) => held?.grow(bytes) ?? true, end) };
    }
    const complete = body.length <= MAX_CONTENT_BYTES;
    end({ bytes: complete ? body : body.slice(0, MAX_CONTENT_BYTES), complete });
    return answer;
  }

  #post(request: HookRequest, answer: Answer, { bytes: content, complete }: Content): void {
    const { callbacks } = this.#loaded;
    const { background, log } = this.#parts;
    if (this.#posts === MAX_POSTS) {
      this.#count("post_request", "dropped");
      log.warning("A callback was left out: too many run", { request: request.id });
      return;
    }
    this.#posts++;
    const { status } = answer;
    const headers = new Headers(answer.headers.map(([name, value]) => [name, value]));
    const told = { status, headers, content, complete };
    // In a turn of its own: the client's last bytes go first.
    const call = sleep(this.#parts.clock, 0, background.signal).then(() =>
      this.#call(
        "post_request",
        "The callback postRequest",
        background.signal,
        () => callbacks?.postRequest?.(request, told),
      )
    );
    background.run(
      call.then(() => {}, (error: unknown) => {
        log.warning("A callback failed", () => ({
          request: request.id,
          error: describeError(error),
        }));
      }).finally(() => void this.#posts--),
    );
  }

  async #call<T>(
    hook: HookName,
    what: string,
    signal: AbortWatch,
    call: () => MaybePromise<T>,
  ): Promise<T> {
    const { clock, timeoutMs } = this.#parts;
    try {
      const value = await boundedCall(what, { clock, timeoutMs, signal }, call);
      this.#count(hook, "ok");
      return value;
    } catch (error) {
      const code = errorCodeOf(error);
      if (code === "request-timeout") this.#count(hook, "late");
      else if (code === "internal") this.#count(hook, "failed");
      throw error;
    }
  }

  #count(hook: HookName, result: "ok" | "answered" | "failed" | "late" | "dropped"): void {
    this.#parts.metrics.count("pd_router_hooks_total", { hook, result });
  }
}
