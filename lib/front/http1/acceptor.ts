/**
 * Accepts connections, and goes on when there are no descriptors to accept them with. Accepting fails
 * then whether somebody comes or not; a descriptor that is held back lets in who does. A connection
 * that rests makes room for him, and where none does, he is told that there is no room.
 * @module
 */
import { type Clock, describeError, sleep } from "../../base/mod.ts";
import type { FrontEvent } from "../contract/mod.ts";
import type { Reserve } from "./reserve.ts";
import type { FrontListener, FrontSocket } from "./socket.ts";

/** How long to wait where nothing can be done, and between looks whether it is over, in ms. */
export const PAUSE_MS = 200;
export const LOOK_MS = 1_000;

/** Where accepted connections go. */
export interface AcceptorOwner {
  onConnection(socket: FrontSocket): void;
  /** Close a connection that rests; false when none does. Resolves once it has gone. */
  makeRoom(): Promise<boolean>;
  /** Tell a client that there is no room, and close; resolves once it has gone. */
  turnAway(socket: FrontSocket): Promise<void>;
  tell(event: FrontEvent): void;
}

/** What an acceptor is made from. */
export interface AcceptorParts {
  readonly listener: FrontListener;
  readonly reserve: Reserve;
  readonly clock: Clock;
  readonly owner: AcceptorOwner;
}

/** Accepts until it is closed. */
export class Acceptor {
  /** Resolves when it is closed; rejects when the listener fails for good. */
  readonly finished: Promise<void>;
  readonly #listener: FrontListener;
  readonly #reserve: Reserve;
  readonly #clock: Clock;
  readonly #owner: AcceptorOwner;
  readonly #closing = new AbortController();
  #ailment: string | undefined;
  #watching: Promise<void> | undefined;
  /** Accepting has failed since the last look: all there is to know where the reserve is blind. */
  #failed = false;

  constructor({ listener, reserve, clock, owner }: AcceptorParts) {
    this.#listener = listener;
    this.#reserve = reserve;
    this.#clock = clock;
    this.#owner = owner;
    this.#reserve.hold();
    this.finished = this.#run();
  }

  /** What keeps it from accepting; undefined for nothing. */
  get ailment(): string | undefined {
    return this.#ailment;
  }

  /** Accept no more. Any number of times. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#listener.close();
  }

  async #run(): Promise<void> {
    try {
      while (!this.#closing.signal.aborted) {
        const socket = await this.#accept();
        if (socket === undefined) continue;
        if (await this.#hasRoom()) this.#owner.onConnection(socket);
        else await this.#turnAway(socket);
      }
    } finally {
      this.close();
      await this.#watching;
      this.#reserve.release();
    }
  }

  async #accept(): Promise<FrontSocket | undefined> {
    try {
      return await this.#listener.accept();
    } catch (error) {
      if (this.#closing.signal.aborted || isOfOneClient(error)) return undefined;
      if (error instanceof Deno.errors.BadResource) throw error;
      this.#ail(error);
      if (this.#reserve.release() || await this.#owner.makeRoom()) return undefined;
      await sleep(this.#clock, PAUSE_MS, this.#closing.signal);
      return undefined;
    }
  }

  /** Whether a descriptor can be held back again beside that of the last connection. */
  async #hasRoom(): Promise<boolean> {
    if (this.#closing.signal.aborted || this.#reserve.hold()) return true;
    return await this.#owner.makeRoom() && this.#reserve.hold();
  }

  /** The descriptor held back has been used for `socket`. */
  async #turnAway(socket: FrontSocket): Promise<void> {
    this.#owner.tell({ kind: "refused", why: "connections" });
    await this.#owner.turnAway(socket);
    this.#reserve.hold();
  }

  #ail(error: unknown): void {
    this.#failed = true;
    if (this.#ailment === undefined) this.#owner.tell({ kind: "not-accepting", error });
    this.#ailment = `no more connections can be accepted: ${describeError(error)}`;
    this.#watching ??= this.#watch();
  }

  /** Look from time to time whether there are descriptors again. */
  async #watch(): Promise<void> {
    const { signal } = this.#closing;
    while (await sleep(this.#clock, LOOK_MS, signal) === "elapsed") {
      const failed = this.#failed;
      this.#failed = false;
      if (!this.#reserve.probe() || (this.#reserve.blind && failed)) continue;
      this.#ailment = undefined;
      this.#owner.tell({ kind: "accepting" });
      break;
    }
    this.#watching = undefined;
  }
}

/** A client that has gone before it was accepted, which says nothing of the next one. */
function isOfOneClient(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset;
}
