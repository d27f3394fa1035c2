/**
 * The connections to engines that are open, and which of them are idle.
 * @module
 */
import type { Connection } from "./connection.ts";
import type { Origin } from "./origin.ts";
import { LostConnection } from "./problems.ts";

/** How many connections are kept, and for how long. */
export interface PoolLimits {
  /** Most idle connections per origin; 0 keeps none. */
  readonly maxIdlePerOrigin: number;
  /** Longest time a connection stays idle, in milliseconds. */
  readonly maxIdleMs: number;
}

/** Sockets held: all of them, and those that wait for a request. */
export interface PoolStats {
  readonly open: number;
  readonly idle: number;
}

/**
 * Keeps idle connections by origin. The one used last is taken first: the others grow old and are
 * closed, so that their number follows the load.
 */
export class Pool {
  readonly #limits: PoolLimits;
  readonly #open = new Set<Connection>();
  readonly #idle = new Map<string, Connection[]>();
  /** In use, and not to be kept afterwards. */
  readonly #unwanted = new WeakSet<Connection>();

  constructor(limits: PoolLimits) {
    this.#limits = limits;
  }

  /** Count a connection that has been made; it is in use. */
  add(connection: Connection): void {
    this.#open.add(connection);
  }

  /** An idle connection to `origin`, which is in use from here on. */
  take(origin: Origin): Connection | undefined {
    return this.#idle.get(origin.url)?.pop();
  }

  /** Keep a connection that has done its work, in place of the one idle for longest if need be. */
  put(connection: Connection): void {
    if (this.#unwanted.has(connection)) return connection.close(unwanted());
    const { url } = connection.origin;
    let idle = this.#idle.get(url);
    if (idle === undefined) this.#idle.set(url, idle = []);
    idle.push(connection);
    connection.rest(this.#limits.maxIdleMs);
    if (idle.length > this.#limits.maxIdlePerOrigin) {
      idle[0]?.close(new LostConnection("too many idle connections"));
    }
  }

  /** Forget a connection that has been closed. */
  remove(connection: Connection): void {
    this.#open.delete(connection);
    const { url } = connection.origin;
    const idle = this.#idle.get(url);
    const index = idle?.lastIndexOf(connection) ?? -1;
    if (index >= 0) idle?.splice(index, 1);
    if (idle?.length === 0) this.#idle.delete(url);
  }

  /** Close the idle connections to `origin`. */
  closeIdle(origin: Origin, reason: Error): void {
    for (const connection of [...this.#idle.get(origin.url) ?? []]) connection.close(reason);
  }

  /** Close the connections to `origin` on which the head of an answer is waited for. */
  closeWaiting(origin: Origin, reason: Error): void {
    for (const connection of [...this.#open]) {
      if (connection.origin.url === origin.url && connection.waiting) connection.close(reason);
    }
  }

  /** Keep no connection to `origin`: close the idle ones, and the others when they have done their work. */
  retire(origin: Origin): void {
    for (const connection of this.#open) {
      if (connection.origin.url === origin.url) this.#unwanted.add(connection);
    }
    this.closeIdle(origin, unwanted());
  }

  /** Close one idle connection, of the origin that has the most; false when there is none. */
  giveUpIdle(reason: Error): boolean {
    let most: readonly Connection[] = [];
    for (const idle of this.#idle.values()) if (idle.length > most.length) most = idle;
    const [oldest] = most;
    oldest?.close(reason);
    return oldest !== undefined;
  }

  /** Close every connection; what waits on one rejects with the error `reason` makes for it. */
  closeAll(reason: (connection: Connection) => Error): void {
    for (const connection of [...this.#open]) connection.close(reason(connection));
  }

  /** The present numbers. */
  stats(): PoolStats {
    let idle = 0;
    for (const connections of this.#idle.values()) idle += connections.length;
    return { open: this.#open.size, idle };
  }
}

function unwanted(): LostConnection {
  return new LostConnection("not wanted any more");
}
