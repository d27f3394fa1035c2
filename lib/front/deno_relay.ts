/**
 * One platform server after the other on one port: one that can accept no more, or that is to serve
 * another certificate, is followed by the next, and what it has begun to answer goes on to its end.
 * @module
 */
import {
  type Clock,
  describeError,
  sleep,
  type SpareDescriptor,
  takeWithSpare,
  type Timer,
} from "../base/mod.ts";
import { HANDOVER_MS } from "../tls/mod.ts";
import type { Front, FrontEvent } from "./contract/mod.ts";
import type { PlatformServer } from "./platform.ts";

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
  /** Asked for a descriptor where there is none for the next server to listen with. */
  readonly spare?: SpareDescriptor | undefined;
}

/** From the end of one server to the beginning of the next. */
interface Change {
  /** Aborted when there is nothing left to do. */
  readonly over: AbortController;
  /** Never rejects. */
  readonly done: Promise<void>;
}

/** Keeps one server accepting. */
export class Relay {
  readonly addr: Front["addr"];
  /** Resolves when it is shut down or cut; rejects when it cannot go on. */
  readonly finished: Promise<void>;
  readonly #parts: RelayParts;
  readonly #cut = new AbortController();
  readonly #end = Promise.withResolvers<void>();
  /** Those whose place another has taken, for a moment. */
  readonly #outgoing = new Set<PlatformServer>();
  /** Those that accept no more, until their answers have ended. */
  readonly #ending = new Map<PlatformServer, Promise<void>>();
  /** The one that accepts, or accepted last. */
  #server: PlatformServer;
  #change: Change | undefined;
  #handover: Timer | undefined;
  #recovery: Timer | undefined;
  #renewedAt = -Infinity;
  #pauseMs = FIRST_PAUSE_MS;
  #ailment: string | undefined;
  #stopped = false;

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
    if (this.#stopped) return false;
    if (this.#change === undefined) {
      if (clock.now() - this.#renewedAt < LONGEST_PAUSE_MS) return false;
      this.#renewedAt = clock.now();
      this.#begunAfter(0);
    }
    const late = new AbortController();
    await Promise.race([this.#change?.done, sleep(clock, RENEW_MS, late.signal)]);
    late.abort();
    return true;
  }

  /**
   * Put another server beside this one, on a port that can be shared, and end this one a moment later.
   * Throws when there can be no other: nothing has changed then.
   */
  replace(): void {
    if (this.#stopped) return;
    const before = this.#server;
    this.#take(this.#beginNext());
    // Ended at once, it would cut off clients that it has not accepted yet.
    this.#outgoing.add(before);
    this.#handover?.cancel();
    this.#handover = this.#parts.clock.after(HANDOVER_MS, () => this.#retireOutgoing());
  }

  /** Accept no more; resolves when what is under way has ended. */
  async shutdown(): Promise<void> {
    const change = this.#change;
    this.#stop();
    this.#retireOutgoing();
    await change?.done;
    await Promise.all([...this.#ending.values(), this.#server.shutdown()]);
    this.#end.resolve();
  }

  /** Cut every connection. */
  cut(): void {
    this.#stop();
    this.#cut.abort();
  }

  #stop(): void {
    this.#stopped = true;
    this.#change?.over.abort();
    this.#recovery?.cancel();
    this.#handover?.cancel();
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

  #beginNext(): PlatformServer {
    return takeWithSpare(() => this.#begin(this.addr.port), this.#parts.spare);
  }

  #failed(server: PlatformServer, error: unknown): void {
    if (this.#stopped || server !== this.#server) return;
    this.#recovery?.cancel();
    this.#ail(error);
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    if (this.#change === undefined) this.#begunAfter(pauseMs);
  }

  #begunAfter(pauseMs: number): void {
    const over = new AbortController();
    this.#change = { over, done: this.#next(pauseMs, over.signal) };
  }

  /** After `pauseMs`, end the server that is, and begin the next as soon as can be. */
  async #next(pauseMs: number, over: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    // What was accepted last may not have been read yet: it would be closed as idle.
    await sleep(clock, pauseMs, over);
    if (over.aborted) return;
    this.#retire(this.#server);
    for (let waitMs = 0;; waitMs = Math.max(FIRST_PAUSE_MS, waitMs * 2)) {
      await sleep(clock, Math.min(waitMs, LONGEST_PAUSE_MS), over);
      if (over.aborted) return;
      try {
        return this.#take(this.#beginNext());
      } catch (error) {
        // The last one may need a moment to let go of the port.
        if (waitMs > 0) this.#ail(error);
      }
    }
  }

  /** `server` accepts from here on: a change that is under way has nothing left to do. */
  #take(server: PlatformServer): void {
    this.#change?.over.abort();
    this.#change = undefined;
    this.#server = server;
    this.#recovery?.cancel();
    this.#recovery = this.#parts.clock.after(RECOVERED_MS, () => this.#recovered());
  }

  #retireOutgoing(): void {
    for (const server of this.#outgoing) this.#retire(server);
    this.#outgoing.clear();
  }

  /** Its idle connections close, and its answers go on. */
  #retire(server: PlatformServer): void {
    if (this.#ending.has(server)) return;
    const gone = (): void => void this.#ending.delete(server);
    // Why it accepts no more has been told, and another takes its place.
    this.#ending.set(server, server.shutdown().then(gone, gone));
  }

  #ail(error: unknown): void {
    if (this.#ailment !== undefined) return;
    this.#ailment = `no more connections can be accepted: ${describeError(error)}`;
    this.#parts.onEvent({ kind: "not-accepting", error });
  }

  #recovered(): void {
    this.#pauseMs = FIRST_PAUSE_MS;
    if (this.#ailment === undefined) return;
    this.#ailment = undefined;
    this.#parts.onEvent({ kind: "accepting" });
  }
}
