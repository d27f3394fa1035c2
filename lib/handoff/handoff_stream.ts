/** The streamed body of a handoff: the head at once, the rest when the decode leg has opened. @module */
import { errorCodeOf, RouterError } from "../base/mod.ts";
import type { Flight } from "../fleet/mod.ts";
import { errorBodyOf, type StreamWriter } from "../openai/mod.ts";
import { type ByteSource, clientGone, type RequestContext } from "../request/mod.ts";
import { type OpenEnd, pumpDecode, type PumpDeps } from "./decode.ts";
import type { Seam } from "./event_pump.ts";
import type { ReadyEnd } from "./open_when_ready.ts";

/** What the body is made of. */
export interface HandoffStreamParts {
  /** Role and first token; undefined when there is nothing to send yet. */
  readonly head: Uint8Array | undefined;
  /** Waits for the KV and opens the decode leg; begun at once, however slowly the client reads. */
  readonly open: (gone: AbortSignal) => Promise<ReadyEnd<OpenEnd>>;
  readonly seam: Seam;
  readonly writer: StreamWriter;
  /** The decode engine's; it has ended when the body has. */
  readonly flight: Flight;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
  /** The error when no notification came in time. */
  readonly timedOut: () => RouterError;
  /** As in `RequestContext`. */
  readonly told?: RequestContext["told"];
}

/** Reads a handoff's answer to its end, or to the client's. */
export class HandoffStream implements ByteSource {
  readonly #deps: PumpDeps;
  readonly #parts: HandoffStreamParts;
  readonly #gone = new AbortController();
  readonly #opening: Promise<ReadyEnd<OpenEnd>>;
  readonly #onAbort = (): void => this.cancel();
  #head: Uint8Array | undefined;
  #pump: AsyncGenerator<Uint8Array, void, void> | undefined;
  #closed = false;
  #failure: RouterError | undefined;

  constructor(deps: PumpDeps, parts: HandoffStreamParts) {
    this.#deps = deps;
    this.#parts = parts;
    this.#head = parts.head;
    this.#opening = parts.open(this.#gone.signal);
    if (parts.signal.aborted) this.cancel();
    else parts.signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  get failure(): RouterError | undefined {
    return this.#failure;
  }

  async read(): Promise<Uint8Array | undefined> {
    // The end of what is told of a failure may be behind a large text.
    if (this.#closed) return this.#failure && this.#parts.writer.take();
    // Ids of the prompt in it may be many.
    const head = this.#head ?? (this.#pump === undefined ? this.#parts.writer.take() : undefined);
    this.#head = undefined;
    if (head !== undefined) return head;
    try {
      this.#pump ??= await this.#startPump();
      const next = await this.#pump.next();
      if (next.done !== true) return next.value;
      this.#close();
      return undefined;
    } catch (error) {
      return this.#fail(error);
    }
  }

  cancel(): void {
    if (this.#closed) return;
    this.#close();
    this.#gone.abort();
    // Opened already: its reading is cut off. Still opening: whoever opens it sees `gone`.
    this.#deps.background.run(this.#opening.then((opened) => {
      if (opened.kind !== "open") return;
      opened.open.abort.abort();
      opened.close();
    }));
  }

  async #startPump(): Promise<AsyncGenerator<Uint8Array, void, void>> {
    const opened = await this.#opening;
    switch (opened.kind) {
      case "open":
        return pumpDecode(this.#deps, opened.open, this.#parts.seam, this.#parts.writer);
      case "timed-out":
        return this.#timedOut();
      case "gone":
        throw clientGone();
      case "refused":
      case "failed":
        throw opened.error;
      default:
        return opened satisfies never;
    }
  }

  #timedOut(): never {
    const error = this.#parts.timedOut();
    this.#parts.flight.failed(error);
    throw error;
  }

  /** The answer's last bytes after a failure: its head is out, so it is told in the stream. */
  #fail(error: unknown): Uint8Array | undefined {
    const wanted = !this.#closed;
    this.#close();
    if (!wanted || errorCodeOf(error) === "client-gone") return undefined;
    const known = error instanceof RouterError
      ? error
      : new RouterError("internal", "The answer could not be completed", { cause: error });
    this.#failure = known;
    const { told = (same) => same, writer } = this.#parts;
    writer.fail(errorBodyOf(told(known)));
    return writer.take();
  }

  #close(): void {
    this.#closed = true;
    this.#parts.signal.removeEventListener("abort", this.#onAbort);
    this.#parts.flight[Symbol.dispose]();
  }
}
