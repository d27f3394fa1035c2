/** The broker as a Redis or a Valkey: two connections, as one that listens does nothing else. @module */
import type { Redis, RedisOptions } from "iovalkey";
import { describeError } from "../base/mod.ts";
import type { ClusterOptions } from "../config/mod.ts";
import type { BrokerLink, OnBrokerMessage, OpenBroker } from "./broker.ts";

/** How a connection is closed that does not close by itself, in milliseconds; it is used no more then. */
const CLOSE_MS = 500;

/**
 * Connects to what `options` name; `caCerts` are PEM texts, for TLS. The library is loaded with the first
 * connection. It never connects again by itself: whoever has a link sees to that.
 */
export function redisBroker(options: ClusterOptions, caCerts: readonly string[]): OpenBroker {
  return async (onMessage, signal) => {
    const { Redis } = await import("iovalkey");
    signal.throwIfAborted();
    const link = new RedisLink(() => new Redis(optionsFor(options, caCerts)), onMessage);
    const stop = (): void => void link.close();
    signal.addEventListener("abort", stop, { once: true });
    try {
      await link.connect();
    } catch (error) {
      await link.close();
      throw error;
    } finally {
      signal.removeEventListener("abort", stop);
    }
    return link;
  };
}

function optionsFor(options: ClusterOptions, caCerts: readonly string[]): RedisOptions {
  const { host, port, tls, username, password, database } = options;
  return {
    host,
    port,
    db: database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: caCerts.length === 0 ? {} : { ca: [...caCerts] } } : {}),
    lazyConnect: true,
    retryStrategy: () => null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: null,
    disconnectTimeout: CLOSE_MS,
  };
}

/** One connection that speaks and one that listens, lost together. */
class RedisLink implements BrokerLink {
  readonly lost: Promise<string>;
  readonly #speaking: Redis;
  readonly #listening: Redis;
  readonly #lost = Promise.withResolvers<string>();
  /** Those to be ended, each once: the library would wait for the end of one that has. */
  readonly #open: Set<Redis>;
  readonly #ended: Promise<unknown>;
  /** Why a connection fails is told before it ends. */
  #why: string | undefined;
  #closed = false;

  constructor(open: () => Redis, onMessage: OnBrokerMessage) {
    this.lost = this.#lost.promise;
    this.#speaking = open();
    this.#listening = open();
    const connections = [this.#speaking, this.#listening];
    this.#open = new Set(connections);
    this.#ended = Promise.all(connections.map((connection) => {
      connection.on("error", (error: unknown) => this.#why = describeError(error));
      return new Promise<void>((resolve) =>
        connection.once("end", () => {
          this.#end(connection);
          resolve();
        })
      );
    }));
    this.#listening.on(
      "messageBuffer",
      (channel: Uint8Array, message: Uint8Array) => onMessage(String(channel), message),
    );
  }

  /** Rejects with the reason why one of them cannot be connected. */
  async connect(): Promise<void> {
    try {
      await Promise.all([this.#speaking, this.#listening].map(async (connection) => {
        await connection.connect();
        // Refused without a password, and while the server reads what it has kept.
        await connection.ping();
      }));
    } catch (error) {
      // What the library rejects with says only that it is closed.
      throw this.#why === undefined ? error : new Error(this.#why);
    }
  }

  async publish(channel: string, message: Uint8Array): Promise<number> {
    return await this.#speaking.publish(channel, bufferOf(message));
  }

  async subscribe(channel: string): Promise<void> {
    await this.#listening.subscribe(channel);
  }

  async claim(key: string, owner: string, ttlMs: number): Promise<string> {
    const [, found] = await Promise.all([
      this.#speaking.set(key, owner, "PX", ttlMs, "NX"),
      this.#speaking.get(key),
    ]);
    // Should it end and be somebody else's in between, that one's is made longer: no harm.
    if (found === owner) await this.#speaking.pexpire(key, ttlMs);
    return found ?? "";
  }

  async release(key: string, owner: string): Promise<void> {
    if (await this.#speaking.get(key) === owner) await this.#speaking.del(key);
  }

  async listeners(channel: string): Promise<number> {
    const [, count] = await this.#speaking.pubsub("NUMSUB", channel);
    return Number(count);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const connection of this.#open) {
      if (connection.stream?.destroyed !== true) connection.disconnect();
    }
    this.#open.clear();
    await this.#ended;
  }

  #end(connection: Redis): void {
    this.#open.delete(connection);
    if (!this.#closed) this.#lost.resolve(this.#why ?? "the connection ended");
    void this.close();
  }
}

/** The same memory as the library wants it. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
