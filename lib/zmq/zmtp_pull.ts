/**
 * A ZeroMQ PULL socket on Deno's own TCP: listens, serves its peers, hands their messages on.
 *
 * A message is handed on when it is there, where the addon must be polled (see `addon_pull.ts`), and
 * there is no need for `--allow-ffi`.
 * @module
 */
import {
  type Clock,
  describeError,
  type DescriptorSource,
  isWantOfDescriptors,
  Lease,
  sleep,
} from "../base/mod.ts";
import { MessageQueue } from "./message_queue.ts";
import { PeerGate, refusedPeer } from "./peer_gate.ts";
import { MAX_CONNECTIONS, MESSAGE_LIMITS, QUEUE_LIMIT } from "./pull_limits.ts";
import { bindError, type BindOptions, checkPort, endpointOf, listenHost } from "./pull_socket.ts";
import type { PeerEvent, PullAddress, PullSocket } from "./pull_socket.ts";
import { type ConnectionEnd, serveConnection } from "./zmtp_connection.ts";
import type { ZmtpConnection, ZmtpStream } from "./zmtp_connection.ts";

/** Pause after a failed accept, e.g. for want of file descriptors, in milliseconds. */
const ACCEPT_RETRY_MS = 100;

/**
 * Listen for PUSH peers. Rejects with an `Error` that names the address, the cause and the flag to
 * change. The returned socket must be disposed.
 */
// deno-lint-ignore require-await
export async function bindPull(address: PullAddress, options: BindOptions): Promise<PullSocket> {
  checkPort(address);
  const { host, port } = address;
  try {
    return servePull(Deno.listen({ hostname: listenHost(host), port }), options);
  } catch (error) {
    throw bindError(address, error);
  }
}

/** The part of a TCP listener used here. */
export interface PullListener {
  readonly addr: { readonly hostname: string; readonly port: number };
  accept(): Promise<PullStream>;
  close(): void;
}

/** The part of an accepted TCP connection used here. */
export interface PullStream extends ZmtpStream {
  readonly remoteAddr: { readonly hostname: string; readonly port: number };
}

/** A PULL socket on a listener that is there already; it belongs to the socket from here on. */
export function servePull(
  listener: PullListener,
  options: BindOptions,
  maxConnections = options.maxConnections ?? MAX_CONNECTIONS,
): PullSocket {
  return new ZmtpPullSocket(listener, options, maxConnections);
}

class ZmtpPullSocket implements PullSocket {
  readonly endpoint: string;
  readonly port: number;
  readonly #listener: PullListener;
  readonly #clock: Clock;
  readonly #onPeer: (event: PeerEvent) => void;
  readonly #maxConnections: number;
  readonly #descriptors: DescriptorSource | undefined;
  readonly #queue = new MessageQueue<readonly Uint8Array[]>(QUEUE_LIMIT);
  readonly #connections = new Set<ZmtpConnection>();
  readonly #gate: PeerGate;
  readonly #closing = new AbortController();
  readonly #accepting: Promise<void>;
  #peers = 0;

  constructor(
    listener: PullListener,
    { clock, onPeer = () => {}, peers, descriptors }: BindOptions,
    maxConnections: number,
  ) {
    this.#maxConnections = maxConnections;
    this.#descriptors = descriptors;
    this.#gate = new PeerGate(peers);
    this.#listener = listener;
    this.#clock = clock;
    this.#onPeer = onPeer;
    this.port = listener.addr.port;
    this.endpoint = endpointOf(listener.addr.hostname, this.port);
    this.#accepting = this.#accept();
  }

  peers(): number {
    return this.#peers;
  }

  frames(): AsyncIterable<readonly Uint8Array[]> {
    return this.#queue.drain();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort();
      this.#queue.close();
      this.#closeListener();
      for (const connection of this.#connections) connection.close();
    }
    await this.#accepting;
    await Promise.all([...this.#connections].map(({ ended }) => ended));
  }

  #closeListener(): void {
    try {
      this.#listener.close();
    } catch (error) {
      // Gone already, which is why `frames` has failed.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #accept(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        const stream = await this.#listener.accept();
        if (signal.aborted) stream.close();
        else this.#admit(stream);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Deno.errors.BadResource) return this.#queue.fail(error);
        const reason = `cannot accept: ${describeError(error)}`;
        this.#onPeer({ kind: "rejected", peer: "unknown", reason });
        // The peer still waits, and requests wait for what it has to say.
        if (isWantOfDescriptors(error)) await this.#descriptors?.makeRoom();
        await sleep(this.#clock, ACCEPT_RETRY_MS, signal);
      }
    }
  }

  #admit(stream: PullStream): void {
    const peer = peerName(stream);
    if (this.#connections.size >= this.#maxConnections) {
      stream.close();
      const reason = `${this.#maxConnections} connections are open`;
      this.#onPeer({ kind: "rejected", peer, reason });
      return;
    }
    const place = this.#gate.enter(stream.remoteAddr.hostname);
    if (!(place instanceof Lease)) {
      stream.close();
      this.#onPeer(refusedPeer(peer, place));
      return;
    }
    let joined = false;
    const connection = serveConnection(stream, {
      clock: this.#clock,
      limits: MESSAGE_LIMITS,
      onReady: () => {
        joined = true;
        this.#peers++;
        this.#onPeer({ kind: "joined", peer });
      },
      onMessage: (frames) => this.#queue.push(frames),
      room: () => this.#queue.room(),
    });
    this.#connections.add(connection);
    connection.ended.then((end) => {
      this.#connections.delete(connection);
      place.release();
      if (joined) this.#peers--;
      this.#report(peer, end);
    });
  }

  #report(peer: string, end: ConnectionEnd): void {
    if (end.kind === "stranger" || this.#closing.signal.aborted) return;
    this.#onPeer({ peer, ...end });
  }
}

function peerName({ remoteAddr }: PullStream): string {
  return endpointOf(remoteAddr.hostname, remoteAddr.port).slice("tcp://".length);
}
