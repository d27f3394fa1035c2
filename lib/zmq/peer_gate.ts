/** Lets peers in by their address, and counts them by it. Pure. @module */
import { isAmong, Lease, plainAddress } from "../base/mod.ts";
import type { PeerEvent, PeerLimits, PeerRefusal } from "./pull_socket.ts";

/** Where all may come from, as often as they like. */
const NO_LIMITS: PeerLimits = { allow: [], maxPerAddress: Infinity };

const REASONS: Readonly<Record<PeerRefusal, string>> = {
  not_allowed: "its address is not in --nixl-proxy-allow",
  per_address: "its address has --nixl-proxy-max-per-address connections",
};

/** What is told of a peer that is not let in. */
export function refusedPeer(peer: string, why: PeerRefusal): PeerEvent {
  return { kind: "refused", peer, why, reason: REASONS[why] };
}

/** Holds no more addresses than there are connections. */
export class PeerGate {
  readonly #limits: PeerLimits;
  readonly #counts = new Map<string, number>();

  constructor(limits: PeerLimits = NO_LIMITS) {
    this.#limits = limits;
  }

  /** Addresses with connections. */
  get size(): number {
    return this.#counts.size;
  }

  /** A connection from `hostname`: given back when it has ended, or why it is not let in. */
  enter(hostname: string): Lease | PeerRefusal {
    const { allow, maxPerAddress } = this.#limits;
    const address = plainAddress(hostname);
    if (allow.length > 0 && !isAmong(address, allow)) return "not_allowed";
    const count = this.#counts.get(address) ?? 0;
    if (count >= maxPerAddress) return "per_address";
    this.#counts.set(address, count + 1);
    return new Lease(() => this.#leave(address));
  }

  #leave(address: string): void {
    const count = (this.#counts.get(address) ?? 0) - 1;
    if (count > 0) this.#counts.set(address, count);
    else this.#counts.delete(address);
  }
}
