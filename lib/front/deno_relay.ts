/**
 * One platform server after the other on one port: one that can accept no more is followed by the next,
 * and what it has begun to answer goes on to its end.
 * @module
 */
import { type Clock, describeError, sleep, type Timer } from "../base/mod.ts";
import type { DenoInfo } from "./deno_request.ts";
import type { Front, FrontEvent } from "./front.ts";

/** The part of `Deno.serve`'s server used here. */
export interface PlatformServer {
  readonly addr: Front["addr"];
  /** Rejects when it can accept no more. */
  readonly finished: Promise<void>;
  /** Accept no more and close what is idle; resolves when its answers have ended. */
  shutdown(): Promise<void>;
}

/** Begins to serve; throws when the address cannot be had. */
export type PlatformServe = (
  options: { readonly hostname: string; readonly port: number; readonly signal: AbortSignal },
  handler: (request: Request, info: DenoInfo) => Promise<Response>,
) => PlatformServer;

/** `Deno.serve`, without a word on the console. */
export const platformServe: PlatformServe = (options, handler) =>
  Deno.serve({ ...options, onListen: () => {} }, handler);

/** First pause before accepting is begun anew, which doubles up to the longest, in milliseconds. */
export const FIRST_PAUSE_MS = 50;
export const LONGEST_PAUSE_MS = 1_000;

/** Accepting has recovered when it has gone on for so long, in milliseconds. */
export const RECOVERED_MS = 2_000;

/** Longest wait for a server to be renewed, in milliseconds. */
const RENEW_MS = 200;

/** What a relay is made from. */
export interface RelayParts {
  readonly clock: Clock;
  /** Of the first server; those after it have the port that it got. */
  readonly port: number;
  /** Begins a server, whose connections `signal` cuts; throws when the port cannot be had. */
  readonly begin: (port: number, signal: AbortSignal) => PlatformServer;
  readonly onEvent: (event: FrontEvent) => void;
}

/** Keeps one server accepting. */
export class Relay {
  readonly addr: Front["addr"];
  /** Resolves when it is shut down or cut; rejects when it cannot go on. */
  readonly finished: Promise<void>;
  readonly #parts: RelayParts;
  readonly #cut = new AbortController();
  readonly #stop = new AbortController();
  readonly #end = Promise.withResolvers<void>();
  /** Those that accept no more, until their answers have ended. */
  readonly #ending = new Set<Promise<void>>();
  /** The one that accepts, or accepted last. */
  #server: PlatformServer;
  /** Set from the end of one server to the beginning of the next. */
  #change: Promise<void> | undefined;
  #recovery: Timer | undefined;
  #renewedAt = -Infinity;
  #pauseMs = FIRST_PAUSE_MS;
  #ailment: string | undefined;

  /** Throws when the address cannot be had. */
  constructor(parts: RelayParts) {
    this.#parts = parts;
    this.finished = this.#end.promise;
    this.#server = this.#begin(parts.port);
    const { hostname, port } = this.#server.addr;
    this.addr = { hostname, port };
  }

  /** What keeps it from accepting, or did a moment ago; undefined for nothing. */
  get ailment(): string | undefined {
    return this.#ailment;
  }

  /**
   * Put another server in this one's place, which closes the idle connections; false when that was done
   * a moment ago, or there is nothing to be done any more.
   */
  async renew(): Promise<boolean> {
    const { clock } = this.#parts;
    if (this.#stop.signal.aborted) return false;
    if (this.#change === undefined) {
      if (clock.now() - this.#renewedAt < LONGEST_PAUSE_MS) return false;
      this.#renewedAt = clock.now();
      this.#change = this.#next(0);
    }
    const late = new AbortController();
    await Promise.race([this.#change, sleep(clock, RENEW_MS, late.signal)]);
    late.abort();
    return true;
  }

  /** Accept no more; resolves when what is under way has ended. */
  async shutdown(): Promise<void> {
    this.#stop.abort();
    this.#rest();
    await this.#change;
    await Promise.all([...this.#ending, this.#server.shutdown()]);
    this.#end.resolve();
  }

  /** Cut every connection. */
  cut(): void {
    this.#stop.abort();
    this.#cut.abort();
  }

  #begin(at: number): PlatformServer {
    const server = this.#parts.begin(at, this.#cut.signal);
    server.finished.then(
      // Only who stops it ends it without an error.
      () => {},
      (error) => this.#failed(server, error),
    );
    return server;
  }

  #failed(server: PlatformServer, error: unknown): void {
    if (this.#stop.signal.aborted || server !== this.#server) return;
    this.#rest();
    this.#ail(error);
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    this.#change ??= this.#next(pauseMs);
  }

  /** After `pauseMs`, end the server that is, and begin the next as soon as can be. */
  async #next(pauseMs: number): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#stop;
    try {
      // What was accepted last may not have been read yet: it would be closed as idle.
      if (await sleep(clock, pauseMs, signal) === "aborted") return;
      this.#retire(this.#server);
      for (let waitMs = 0;; waitMs = Math.max(FIRST_PAUSE_MS, waitMs * 2)) {
        if (await sleep(clock, Math.min(waitMs, LONGEST_PAUSE_MS), signal) === "aborted") return;
        try {
          this.#server = this.#begin(this.addr.port);
          this.#recovery = clock.after(RECOVERED_MS, () => this.#recovered());
          return;
        } catch (error) {
          // The last one may need a moment to let go of the port.
          if (waitMs > 0) this.#ail(error);
        }
      }
    } finally {
      this.#change = undefined;
    }
  }

  /** Its idle connections close, and its answers go on. */
  #retire(server: PlatformServer): void {
    const gone = (): void => void this.#ending.delete(ending);
    // Why it accepts no more has been told, and another takes its place.
    const ending = server.shutdown().then(gone, gone);
    this.#ending.add(ending);
  }

  #ail(error: unknown): void {
    if (this.#ailment !== undefined) return;
    this.#ailment = `no more connections can be accepted: ${describeError(error)}`;
    this.#parts.onEvent({ kind: "not-accepting", error });
  }

  #recovered(): void {
    this.#recovery = undefined;
    this.#pauseMs = FIRST_PAUSE_MS;
    if (this.#ailment === undefined) return;
    this.#ailment = undefined;
    this.#parts.onEvent({ kind: "accepting" });
  }

  #rest(): void {
    this.#recovery?.cancel();
    this.#recovery = undefined;
  }
}
