/** Counts the peers of the addon's socket by the events of its monitor. @module */
import { describeError } from "../base/mod.ts";
import { refusedPeer } from "./peer_gate.ts";
import type { PeerEvent } from "./pull_socket.ts";
import { HANDSHAKE_TIMEOUT_MS } from "./pull_limits.ts";

/** An event of the addon's monitor; `type` is one of its names, e.g. `handshake`. */
export interface NativeEvent {
  readonly type: string;
  readonly error?: Error & { readonly code?: string };
}

/** Errors of an accept that has failed by itself; a filter's refusal leaves any older code behind. */
const ACCEPT_ERRORS: ReadonlySet<string | undefined> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "ECONNABORTED",
  "EPROTO",
]);

/** The monitor names its own end of a connection, never the peer's. */
const UNKNOWN = "unknown";

/**
 * The peers that have shaken hands and not left.
 *
 * A failed handshake is told by an event and the end of its connection by the next one, so the two
 * are known to belong together. libzmq gives no such event for a peer of another socket type than
 * PUSH, nor for one that sends ERROR: while there are peers, its end is taken for one of theirs.
 * Peers of ZMTP 1 and 2 have no handshake and are not counted, although their messages arrive.
 */
export class NativePeers {
  readonly #onPeer: (event: PeerEvent) => void;
  readonly #filtered: boolean;
  #joined = 0;
  /** Connections whose handshake has failed and whose end is still to be told. */
  #failed = 0;

  /** `filtered`: the socket refuses peers by their address. */
  constructor(onPeer: (event: PeerEvent) => void, filtered = false) {
    this.#onPeer = onPeer;
    this.#filtered = filtered;
  }

  get count(): number {
    return this.#joined;
  }

  /** Take the next event; those of other names say nothing of peers. */
  take({ type, error }: NativeEvent): void {
    switch (type) {
      case "handshake":
        this.#joined++;
        this.#onPeer({ kind: "joined", peer: UNKNOWN });
        break;
      case "handshake:error:protocol":
      case "handshake:error:auth":
        this.#failed++;
        this.#reject(`no handshake: ${describeError(error)}`);
        break;
      case "handshake:error:other":
        this.#failed++;
        // Other codes are those of strangers that went by themselves; port probes do this.
        if (error?.code === "EAGAIN") {
          this.#reject(`no handshake within ${HANDSHAKE_TIMEOUT_MS} ms`);
        }
        break;
      case "accept:error":
        if (this.#filtered && !ACCEPT_ERRORS.has(error?.code)) {
          this.#onPeer(refusedPeer(UNKNOWN, "not_allowed"));
        } else this.#reject(`cannot accept: ${describeError(error)}`);
        break;
      case "disconnect":
        if (this.#failed > 0) this.#failed--;
        else if (this.#joined > 0) {
          this.#joined--;
          this.#onPeer({ kind: "left", peer: UNKNOWN });
        }
        break;
    }
  }

  #reject(reason: string): void {
    this.#onPeer({ kind: "rejected", peer: UNKNOWN, reason });
  }
}
