/** Server-sent events to a client, batched into writes, spoiled as the faults say. @module */
import { type Clock, sleep } from "../base/mod.ts";
import { ClientGone, type EngineCore } from "./core.ts";
import { strikesAt } from "./faults.ts";
import { type HttpReply, SSE_TYPE } from "./http_reply.ts";
import type { HttpRequest } from "./http_server.ts";

/** Ends the events of OpenAI's streams. */
export const DONE = "data: [DONE]\n\n";

/** The event vLLM sends when a generation fails after its head has left; Python put the spaces. */
const FAILED_EVENT =
  'data: {"error": {"message": "Internal server error", "type": "InternalServerError", ' +
  '"param": null, "code": 500}}\n\n';

const BROKEN_EVENT = 'data: {"id": "cmpl-broken", "choices": [{"text": "unfini\n\n';

type Doom = "die" | "hang" | "fail";

/** One event stream. Events are added without waiting and leave with `flush`. */
export class SseStream {
  readonly #core: EngineCore;
  readonly #reply: HttpReply;
  readonly #signal: AbortSignal;
  readonly #comments: boolean;
  readonly #brokenAfter: number | undefined;
  readonly #batchSize: number;
  readonly #doom: { readonly kind: Doom; readonly after: number } | undefined;
  #pending = "";
  #pendingEvents = 0;
  #events = 0;
  #doomed = false;

  constructor(core: EngineCore, reply: HttpReply, request: Pick<HttpRequest, "path" | "signal">) {
    const { faults, random, options } = core;
    const { path, signal } = request;
    this.#core = core;
    this.#reply = reply;
    this.#signal = signal;
    this.#comments = strikesAt(faults, path, "sseComments", random);
    this.#brokenAfter = strikesAt(faults, path, "badEvent", random)
      ? faults.errorAfterEvents
      : undefined;
    this.#batchSize = faults.coalesceEvents > 0 ? faults.coalesceEvents : options.eventsPerWrite;
    this.#doom = chooseDoom(core, path);
    this.#doomed = this.#doom?.after === 0;
    reply.startStream(200, SSE_TYPE);
  }

  /** True when `flush` should be called before more is added. */
  get full(): boolean {
    return this.#pendingEvents >= this.#batchSize || this.#doomed;
  }

  /** Add one whole event, its empty line included. */
  add(event: string): void {
    if (this.#doomed) return;
    if (this.#events === this.#brokenAfter) this.#pending += BROKEN_EVENT;
    this.#pending += this.#comments ? `: keep-alive\n\n${event}` : event;
    this.#pendingEvents++;
    this.#events++;
    this.#doomed = this.#doom !== undefined && this.#events >= this.#doom.after;
  }

  /**
   * Send what was added, in one write, the head before it. Returns false when a fault ended the
   * stream. Throws ClientGone when the client has left.
   */
  async flush(): Promise<boolean> {
    const text = this.#pending;
    this.#pending = "";
    this.#pendingEvents = 0;
    const alive = text === "" ? await this.#reply.flush() : await this.#reply.write(text);
    if (!alive || this.#signal.aborted) throw new ClientGone("The client has left");
    if (this.#doomed && this.#doom !== undefined) return await this.#meetDoom(this.#doom.kind);
    return true;
  }

  /** Send what is left and end the stream. */
  async end(): Promise<void> {
    if (await this.flush()) await this.#reply.end();
  }

  /** End the stream with the error event of a failed generation; false, as `flush` after a fault. */
  async fail(): Promise<false> {
    const rest = this.#pending;
    this.#pending = "";
    // What came before the failure, such as a chat's role, is a write of its own.
    await this.#reply.write(rest);
    await this.#reply.write(FAILED_EVENT + DONE);
    await this.#reply.end();
    return false;
  }

  /** Wait until `due` on the clock, what was added having left before. False as `flush`. */
  async waitUntil(clock: Clock, due: number): Promise<boolean> {
    const left = due - clock.now();
    if (left <= 0) return true;
    if (!await this.flush()) return false;
    if (await sleep(clock, left, this.#signal) === "aborted") throw new ClientGone("aborted");
    return true;
  }

  async #meetDoom(kind: Doom): Promise<boolean> {
    if (kind === "die") {
      this.#core.stats.add("connectionsCut");
      this.#reply.cut();
    } else if (kind === "hang") {
      await untilAborted(this.#signal);
      throw new ClientGone("The client has left");
    } else {
      return await this.fail();
    }
    return false;
  }
}

/** Resolves when `signal` aborts. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function chooseDoom(
  core: EngineCore,
  path: string,
): { readonly kind: Doom; readonly after: number } | undefined {
  const { faults, random } = core;
  if (strikesAt(faults, path, "dieMidStream", random)) {
    return { kind: "die", after: faults.dieAfterEvents };
  }
  if (strikesAt(faults, path, "hangMidStream", random)) {
    return { kind: "hang", after: faults.hangAfterEvents };
  }
  if (strikesAt(faults, path, "errorEvent", random)) {
    return { kind: "fail", after: faults.errorAfterEvents };
  }
  return undefined;
}
