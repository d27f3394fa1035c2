/** KV-ready notifications to the router: a ZeroMQ PUSH socket per rank. @module */
import { Push } from "zeromq";
import { type Clock, describeError, type Logger, type Random, sleep } from "../base/mod.ts";
import { type SimFaults, strikes } from "./faults.ts";
import { encodeNotification } from "./lmcache_messages.ts";
import type { Generation } from "./options.ts";
import type { StatsBook } from "./stats.ts";

/** Where notifications go and in which form. */
export interface NotifierOptions {
  readonly host: string;
  readonly port: number;
  /** Ranks that notify; each has its own socket, made at the engine's start. */
  readonly ranks: number;
  readonly generation: Generation;
}

/** What it takes from the engine. */
export interface NotifierPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly stats: StatsBook;
  readonly faults: SimFaults;
}

/** 0xc1 begins nothing in msgpack. */
const GARBAGE = Uint8Array.of(0xc1, 0xff, 0x00, 0xc1);

/** Pushes one message per rank and finished prefill. */
export class Notifier {
  readonly #sockets: readonly Push[];
  readonly #options: NotifierOptions;
  readonly #ports: NotifierPorts;

  constructor(options: NotifierOptions, ports: NotifierPorts) {
    this.#options = options;
    this.#ports = ports;
    const host = options.host.includes(":") ? `[${options.host}]` : options.host;
    this.#sockets = Array.from({ length: options.ranks }, () => {
      // A timeout of 0: a full queue (router down for long) fails the send and never waits.
      const socket = new Push({ linger: 0, sendTimeout: 0, ipv6: host.startsWith("[") });
      socket.connect(`tcp://${host}:${options.port}`);
      return socket;
    });
  }

  /** Push the notification of one rank, spoiled as the faults say. */
  async notify(rank: number, reqId: string, signal: AbortSignal): Promise<void> {
    const { clock, random, stats, faults } = this.#ports;
    const { generation } = this.#options;
    if (strikes(faults, "dropNotification", random)) {
      stats.add("notificationsDropped");
      return;
    }
    if (strikes(faults, "delayNotification", random)) {
      if (await sleep(clock, faults.notificationDelayMs, signal) === "aborted") return;
    }
    if (strikes(faults, "corruptNotification", random)) return await this.#push(rank, GARBAGE);
    const wrong = strikes(faults, "misaddressNotification", random);
    const bytes = encodeNotification(generation, wrong ? random.uuid() : reqId);
    await this.#push(rank, bytes);
    if (strikes(faults, "duplicateNotification", random)) await this.#push(rank, bytes);
  }

  /** Close the sockets; what has not left is dropped. */
  stop(): void {
    for (const socket of this.#sockets) if (!socket.closed) socket.close();
  }

  async #push(rank: number, bytes: Uint8Array): Promise<void> {
    const { stats, log } = this.#ports;
    try {
      await this.#sockets[rank]?.send(bytes);
      stats.add("notificationsSent");
    } catch (error) {
      stats.add("notificationsDropped");
      log.warning(`Cannot notify the router: ${describeError(error)}`);
    }
  }
}
