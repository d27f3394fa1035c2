/** Who has come to the socket for notifications, by address. @module */
import { parseAddress, plainAddress } from "../base/mod.ts";
import type { PeerEvent } from "./pull_socket.ts";

/**
 * What is known of the ranks of one host. `untold`: some are connected, and whether its own are among
 * them cannot be told, as the host is a name or the socket knows no addresses.
 */
export type PeerSight = "connected" | "untold" | "elsewhere" | "left" | "refused" | "never";

/** What is known of one address. */
interface Known {
  /** The peers connected from it. */
  readonly connected: Set<string>;
  /** Why the last one was not let in; undefined when one has been since. */
  refused: boolean;
}

/** Addresses remembered of which no peer is connected. */
const MAX_KNOWN = 1_024;

/** Peers whose socket cannot name them. */
const UNKNOWN = "unknown";

/** Remembers addresses, and the peers that are connected. */
export class PeerLedger {
  /** The one heard of last at the end. */
  readonly #known = new Map<string, Known>();
  /** Some peer that cannot be told from others has shaken hands. */
  #anonymous = false;

  /** Addresses that are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /** Note what happens to a peer. */
  take(event: PeerEvent): void {
    const { kind, peer } = event;
    if (peer === UNKNOWN) {
      if (kind === "joined") this.#anonymous = true;
      return;
    }
    switch (kind) {
      case "joined": {
        const known = this.#of(hostOf(peer));
        known.refused = false;
        known.connected.add(peer);
        return;
      }
      case "refused":
        this.#of(hostOf(peer)).refused = true;
        return;
      case "left":
      case "rejected":
        this.#known.get(hostOf(peer))?.connected.delete(peer);
        return;
      default:
        return kind satisfies never;
    }
  }

  /** The socket is another: whoever was connected has to come again. */
  clear(): void {
    for (const { connected } of this.#known.values()) connected.clear();
  }

  /** What is known of the ranks at `host`, a name or an address, while `connected` peers there are. */
  sight(host: string, connected: number): PeerSight {
    const address = host.startsWith("[") ? host.slice(1, -1) : host;
    const own = this.#known.get(plainAddress(address));
    if (own !== undefined && own.connected.size > 0) return "connected";
    if (own?.refused === true) return "refused";
    if (own !== undefined) return "left";
    if (this.#known.size === 0 && !this.#anonymous) return "never";
    const isTold = !this.#anonymous && parseAddress(address) !== undefined;
    if (connected === 0) return isTold ? "never" : "left";
    return isTold ? "elsewhere" : "untold";
  }

  #of(host: string): Known {
    const known = this.#known.get(host) ?? { connected: new Set<string>(), refused: false };
    this.#known.delete(host);
    this.#known.set(host, known);
    if (this.#known.size > MAX_KNOWN) this.#forgetOne();
    return known;
  }

  /** Of those nobody is connected from, the one not heard of for longest; connections have a bound. */
  #forgetOne(): void {
    for (const [host, { connected }] of this.#known) {
      if (connected.size > 0) continue;
      this.#known.delete(host);
      return;
    }
  }
}

/** Of `host:port` or `[host]:port`. */
function hostOf(peer: string): string {
  const host = peer.slice(0, peer.lastIndexOf(":"));
  return plainAddress(host.startsWith("[") ? host.slice(1, -1) : host);
}
