/** Lets peers in by their address, and counts them by it. Pure. @module */
import { isAmong, Lease, plainAddress } from "../base/mod.ts";
import type { PeerLimits, PeerRefusal } from "./pull_socket.ts";

/** Where all may come from, as often as they like. */
const NO_LIMITS: PeerLimits = { allow: [], maxPerAddress: Infinity };

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
