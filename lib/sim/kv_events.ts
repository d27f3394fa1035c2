/** KV cache events on a ZeroMQ PUB socket, with a socket to ask for missed ones. @module */
import { Publisher } from "zeromq";
import { type Clock, describeError, encodeUtf8, type Logger } from "../base/mod.ts";
import { encodeEventBatch, type EventEncoding, type KvEvent } from "./kv_event_codec.ts";
import type { PrefixCacheListener } from "./prefix_cache.ts";
import { RpcServer } from "./rpc_server.ts";
import type { Message } from "./zmtp.ts";

/** Where events go and in which form. */
export interface KvEventsOptions {
  /** Bound when it has `*` or `::`, connected otherwise, as vLLM does. */
  readonly endpoint: string;
  /** Where missed events are asked for, `tcp://*:port` or `tcp://address:port`. */
  readonly replay: string | undefined;
  readonly topic: string;
  readonly encoding: EventEncoding;
  readonly blockSize: number;
}

/** Events kept for replay (vLLM `buffer_steps`). */
const KEPT = 10_000;
const END = new Uint8Array(8).fill(0xff);

/** Publishes what a prefix cache tells it. */
export class KvEventPublisher implements PrefixCacheListener {
  /** Where a subscriber on this machine connects. */
  readonly endpoint: string;
  readonly replayEndpoint: string | undefined;
  readonly #socket: Publisher;
  readonly #options: KvEventsOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #replay: RpcServer | undefined;
  readonly #topic: Uint8Array;
  #kept: { readonly seq: bigint; readonly payload: Uint8Array }[] = [];
  #next = 0n;
  #sending: Promise<void> = Promise.resolve();

  private constructor(
    socket: Publisher,
    options: KvEventsOptions,
    ports: { readonly clock: Clock; readonly log: Logger },
  ) {
    this.#socket = socket;
    this.#options = options;
    this.#clock = ports.clock;
    this.#log = ports.log;
    this.#topic = encodeUtf8(options.topic);
    this.endpoint = (socket.lastEndpoint ?? options.endpoint).replace("0.0.0.0", "127.0.0.1");
    this.#replay = options.replay === undefined ? undefined : new RpcServer(
      { ...hostAndPort(options.replay), type: "ROUTER", log: ports.log },
      ([start]) => Promise.resolve(this.#from(start)),
    );
    this.replayEndpoint = this.#replay && `tcp://127.0.0.1:${this.#replay.port}`;
  }

  /** Open the sockets. Throws when an endpoint cannot be used. */
  static async open(
    options: KvEventsOptions,
    ports: { readonly clock: Clock; readonly log: Logger },
  ): Promise<KvEventPublisher> {
    const socket = new Publisher({ linger: 0, sendHighWaterMark: 100_000 });
    try {
      if (/\*|::|^ipc|^inproc/.test(options.endpoint)) await socket.bind(options.endpoint);
      else socket.connect(options.endpoint);
      return new KvEventPublisher(socket, options, ports);
    } catch (error) {
      socket.close();
      throw new Error(`Cannot publish KV events on ${options.endpoint}: ${describeError(error)}`, {
        cause: error,
      });
    }
  }

  stored(blocks: Omit<Extract<KvEvent, { kind: "stored" }>, "kind" | "blockSize">): void {
    this.#publish({ kind: "stored", blockSize: this.#options.blockSize, ...blocks });
  }

  removed(hashes: readonly bigint[]): void {
    this.#publish({ kind: "removed", hashes });
  }

  cleared(): void {
    this.#publish({ kind: "cleared" });
  }

  /** Close both sockets. */
  async stop(): Promise<void> {
    await this.#sending;
    if (!this.#socket.closed) this.#socket.close();
    await this.#replay?.stop();
  }

  #publish(event: KvEvent): void {
    const ts = this.#clock.unixMs() / 1000;
    const payload = encodeEventBatch(ts, event, this.#options.encoding);
    const seq = this.#next++;
    this.#kept.push({ seq, payload });
    if (this.#kept.length >= 2 * KEPT) this.#kept = this.#kept.slice(-KEPT);
    const before = this.#sending;
    this.#sending = (async (): Promise<void> => {
      await before;
      try {
        await this.#socket.send([this.#topic, bigEndian(seq), payload]);
      } catch (error) {
        this.#log.warning(`Cannot publish a KV event: ${describeError(error)}`);
      }
    })();
  }

  /** All kept events from `start` on, then the end marker. */
  #from(start: Uint8Array | undefined): readonly Message[] {
    if (start?.length !== 8) throw new Error("A replay request is one frame of 8 bytes");
    const from = new DataView(start.buffer, start.byteOffset).getBigUint64(0);
    const wanted = this.#kept.filter(({ seq }) => seq >= from);
    const replies = wanted.map(({ seq, payload }): Message => [bigEndian(seq), payload]);
    return [...replies, [END, new Uint8Array(0)]];
  }
}

function bigEndian(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

function hostAndPort(endpoint: string): { readonly host: string; readonly port: number } {
  const parts = /^tcp:\/\/(.+):(\d+)$/.exec(endpoint);
  const [, host, port] = parts ?? [];
  if (host === undefined || port === undefined) {
    throw new Error(`Bad endpoint ${endpoint}: expected tcp://address:port`);
  }
  return { host: host === "*" ? "0.0.0.0" : host.replace(/^\[|\]$/g, ""), port: Number(port) };
}
