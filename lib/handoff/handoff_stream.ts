/** The streamed body of a handoff: the head at once, the rest when the decode leg has opened. @module */
import { type AbortWatch, errorCodeOf, RouterError } from "../base/mod.ts";
import type { Flight } from "../fleet/mod.ts";
import { errorBodyOf, type StreamWriter } from "../openai/mod.ts";
import { type ByteSource, clientGone, type RequestContext } from "../request/mod.ts";
import type { Continuation, Continued } from "./continuation.ts";
import { type OpenDecode, type OpenEnd, pumpDecode, type PumpDeps } from "./decode.ts";
import { EventPump, type Seam } from "./event_pump.ts";
import type { ReadyEnd } from "./open_when_ready.ts";

/** What the body is made of. */
export interface HandoffStreamParts {
  /** Role and first token; undefined when there is nothing to send yet. */
  readonly head: Uint8Array | undefined;
  /** Waits for the KV and opens the decode leg; begun at once, however slowly the client reads. */
  readonly open: (gone: AbortWatch) => Promise<ReadyEnd<OpenEnd>>;
  readonly seam: Seam;
  /** What reads the decode leg's events, where it has begun already. */
  readonly pump?: EventPump;
  readonly writer: StreamWriter;
  /** The decode engine's; it has ended when the body has. */
  readonly flight: Flight;
  /** Aborts when the client has gone. */
  readonly signal: AbortWatch;
  /** The error when no notification came in time. */
  readonly timedOut: () => RouterError;
  /** Goes on with the answer where its decode leg fails. */
  readonly continuation?: Pick<Continuation, "next" | "completed"> | undefined;
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
  /** What `#pump` makes of the events, where somebody may go on behind it. */
  #events: EventPump | undefined;
  #flight: Flight;
  /** The decode leg that another pair has gone on with. */
  #further: OpenDecode | undefined;
  #closed = false;
  #failure: RouterError | undefined;

  constructor(deps: PumpDeps, parts: HandoffStreamParts) {
    this.#deps = deps;
    this.#parts = parts;
    this.#head = parts.head;
    this.#flight = parts.flight;
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
      return await this.#next();
    } catch (error) {
      return await this.#goOn(error);
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    this.#pump ??= await this.#startPump();
    const next = await this.#pump.next();
    if (next.done !== true) return next.value;
    this.#close();
    return undefined;
  }

  /** The answer behind a failure: another pair's, or what tells of it. */
  async #goOn(error: unknown): Promise<Uint8Array | undefined> {
    const { continuation, writer } = this.#parts;
    if (continuation === undefined || this.#closed) return this.#fail(error);
    try {
      this.#pump = undefined;
      if (this.#events?.complete() === true) {
        continuation.completed();
        this.#pump = restOf(writer);
        return await this.#next();
      }
      this.#flight[Symbol.dispose]();
      const continued = await continuation.next(error, this.#gone.signal);
      if (continued === undefined) return this.#fail(error);
      if (this.#closed) return leave(continued);
      this.#take(continued);
    } catch (cause) {
      return this.#fail(cause);
    }
    return await this.read();
  }

  #take(continued: Continued): void {
    const { writer } = this.#parts;
    if (continued.kind === "ended") {
      this.#events = undefined;
      this.#pump = restOf(writer);
      return;
    }
    const { open, seam, pump, flight } = continued;
    this.#events = pump;
    this.#flight = flight;
    this.#further = open;
    this.#pump = pumpDecode(this.#deps, open, seam, writer, pump);
  }

  cancel(): void {
    if (this.#closed) return;
    this.#close();
    this.#gone.abort();
    this.#further?.abort.abort();
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
      case "open": {
        const { seam, writer, continuation } = this.#parts;
        const pump = this.#parts.pump ?? new EventPump(seam, writer);
        if (continuation !== undefined) this.#events = pump;
        return pumpDecode(this.#deps, opened.open, seam, writer, pump);
      }
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
    this.#flight[Symbol.dispose]();
  }
}

/** What a writer has left. */
async function* restOf(writer: StreamWriter): AsyncGenerator<Uint8Array, void, void> {
  for (let bytes = writer.take(); bytes !== undefined; bytes = writer.take()) {
    yield await Promise.resolve(bytes);
  }
}

/** The client has gone while another pair was being found. */
function leave(continued: Continued): undefined {
  if (continued.kind === "ended") return;
  const { open, flight } = continued;
  open.abort.abort();
  open.response[Symbol.dispose]();
  flight[Symbol.dispose]();
}
