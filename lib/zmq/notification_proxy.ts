/** The receive loop: socket to codec to board, whatever peers send. @module */
import { type Clock, describeError, type Logger, sleep } from "../base/mod.ts";
import type { Demand } from "./demand.ts";
import type { NoticeResult } from "./kv_ready_board.ts";
import { LimitedLog } from "./limited_log.ts";
import { decodeNotice, type Notice } from "./notice.ts";
import { PeerLedger, type PeerSight } from "./peer_ledger.ts";
import type {
  BindOptions,
  BindPull,
  PeerEvent,
  PeerRefusal,
  PullAddress,
  PullSocket,
} from "./pull_socket.ts";
import { bindPull } from "./zmtp_pull.ts";

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

/** Longest text of a peer's in a log field. */
const MAX_LOGGED_LENGTH = 80;

/** Where notifications go: a `KvReadyBoard`, or who knows where one is. */
export interface NoticeBoard {
  /** Whether anybody waits for one. */
  readonly demand: Demand;
  /** Take one, which was read of `frames`. Must not throw. */
  accept(notice: Notice, frames: readonly Uint8Array[]): NoticeResult;
}

/** What the notification proxy works with. */
export interface NotificationProxyOptions
  extends Pick<BindOptions, "peers" | "maxConnections" | "descriptors"> {
  /** LMCache `pd_proxy_host` and `pd_proxy_port` of the prefill engines lead here. */
  readonly address: PullAddress;
  readonly board: NoticeBoard;
  readonly log: Logger;
  readonly clock: Clock;
  /** Called after each notification, with what the board's own `onResult` gets. Must not throw. */
  readonly onNotice?: (result: NoticeResult) => void;
  /** Told of each peer that is not let in. Must not throw. */
  readonly onRefused?: (why: PeerRefusal) => void;
  /** @default bindPull */
  readonly bind?: BindPull;
}

/** A running notification proxy. Disposing it closes the socket; the board stays its owner's. */
export interface NotificationProxy extends AsyncDisposable {
  /** Where prefill engines connect to, e.g. `tcp://0.0.0.0:7500`. */
  readonly endpoint: string;
  readonly port: number;
  /** False while a socket that failed is being bound again. */
  readonly listening: boolean;
  /** Prefill ranks connected at the moment. */
  peers(): number;
  /** What is known of the ranks at `host`, a name or an address. */
  sight(host: string): PeerSight;
}

/**
 * Bind and receive until disposed. Rejects when the address cannot be bound. A socket that fails
 * later is logged and bound again with growing pauses; requests in the meantime run into their KV
 * time-outs, and ranks reconnect by themselves.
 */
export async function startNotificationProxy(
  options: NotificationProxyOptions,
): Promise<NotificationProxy> {
  const proxy = new RunningProxy(options);
  await proxy.start();
  return proxy;
}

class RunningProxy implements NotificationProxy {
  readonly #options: NotificationProxyOptions;
  readonly #ignored: LimitedLog;
  readonly #rejected: LimitedLog;
  readonly #refused: LimitedLog;
  readonly #ledger = new PeerLedger();
  readonly #closing = new AbortController();
  #address: PullAddress;
  #endpoint = "";
  #socket: PullSocket | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: NotificationProxyOptions) {
    this.#options = options;
    this.#address = options.address;
    this.#ignored = new LimitedLog(options.log, options.clock);
    this.#rejected = new LimitedLog(options.log, options.clock);
    this.#refused = new LimitedLog(options.log, options.clock);
  }

  get endpoint(): string {
    return this.#endpoint;
  }

  get port(): number {
    return this.#address.port;
  }

  get listening(): boolean {
    return this.#socket !== undefined;
  }

  peers(): number {
    return this.#socket?.peers() ?? 0;
  }

  sight(host: string): PeerSight {
    return this.#ledger.sight(host, this.peers());
  }

  async start(): Promise<void> {
    const socket = await this.#bind();
    // The port stays what it is, also when any was asked for: peers connect to it again.
    this.#address = { host: this.#address.host, port: socket.port };
    this.#endpoint = socket.endpoint;
    this.#running = this.#run(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#socket?.[Symbol.asyncDispose]();
    await this.#running;
    this.#ignored.flush("Ignored more KV-ready notifications");
    this.#rejected.flush("Rejected more KV-ready peers");
    this.#refused.flush("Refused more KV-ready peers");
  }

  #bind(): Promise<PullSocket> {
    const { board, clock, peers, bind = bindPull, maxConnections, descriptors } = this.#options;
    const { demand } = board;
    return bind(this.#address, {
      ...(maxConnections === undefined ? {} : { maxConnections }),
      ...(descriptors === undefined ? {} : { descriptors }),
      clock,
      demand,
      peers,
      onPeer: (event) => this.#onPeer(event),
    });
  }

  async #run(first: PullSocket): Promise<void> {
    const { log } = this.#options;
    let socket: PullSocket | undefined = first;
    while (socket !== undefined) {
      try {
        this.#socket = socket;
        // Disposal may have come while it was being bound.
        if (this.#closing.signal.aborted) return;
        for await (const frames of socket.frames()) this.#take(frames);
      } catch (error) {
        const fields = { endpoint: this.#endpoint, error: describeError(error) };
        log.error("Cannot receive KV-ready notifications", fields);
      } finally {
        this.#socket = undefined;
        this.#ledger.clear();
        await socket[Symbol.asyncDispose]();
      }
      socket = await this.#bindAgain();
    }
  }

  async #bindAgain(): Promise<PullSocket | undefined> {
    const { clock, log } = this.#options;
    const { signal } = this.#closing;
    for (let pauseMs = FIRST_RETRY_MS;; pauseMs = Math.min(pauseMs * 2, LONGEST_RETRY_MS)) {
      if (await sleep(clock, pauseMs, signal) === "aborted") return undefined;
      try {
        const socket = await this.#bind();
        log.info("Receiving KV-ready notifications again", { endpoint: socket.endpoint });
        return socket;
      } catch (error) {
        log.error("Cannot receive KV-ready notifications", { error: describeError(error) });
      }
    }
  }

  #take(frames: readonly Uint8Array[]): void {
    const notice = decodeNotice(frames);
    const result = this.#options.board.accept(notice, frames);
    this.#options.onNotice?.(result);
    if (result !== "counted" && result !== "completed") this.#tell(notice, result);
  }

  #tell(notice: Notice, result: NoticeResult): void {
    switch (notice.kind) {
      case "garbage":
        this.#ignored.warning("Ignored a malformed KV-ready notification", {
          reason: clip(notice.reason),
        });
        break;
      case "unknown":
        this.#ignored.warning("Ignored a KV-ready notification of unknown type", {
          type: clip(notice.type),
        });
        break;
      default: {
        const { reqId } = notice;
        if (result === "cancelled") {
          this.#ignored.warning("KV transfer was cancelled", { request: clip(reqId) });
        } else if (result === "dropped") {
          this.#ignored.warning("Dropped an early KV-ready notification, too many are kept", {
            request: clip(reqId),
          });
        } else {
          this.#options.log.debug("KV-ready notification nobody waited for", () => ({
            request: clip(reqId),
            result,
          }));
        }
      }
    }
  }

  #onPeer(event: PeerEvent): void {
    this.#ledger.take(event);
    const { log } = this.#options;
    switch (event.kind) {
      case "joined":
        log.debug("Prefill rank connected", { peer: event.peer });
        break;
      case "left":
        log.debug("Prefill rank disconnected", { peer: event.peer, reason: event.reason });
        break;
      case "rejected":
        this.#rejected.warning("Rejected a KV-ready peer", {
          peer: event.peer,
          reason: clip(event.reason),
        });
        break;
      case "refused":
        if (event.echo === true) break;
        this.#options.onRefused?.(event.why);
        this.#refused.warning("Refused a KV-ready peer", {
          peer: event.peer,
          reason: event.reason,
        });
        break;
      default:
        event satisfies never;
    }
  }
}

function clip(text: string): string {
  return text.length <= MAX_LOGGED_LENGTH ? text : `${text.slice(0, MAX_LOGGED_LENGTH)}...`;
}
