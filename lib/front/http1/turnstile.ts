/** How many connections there are, in all and from each address. @module */
import type { AddressSharing, FrontLimits } from "../contract/mod.ts";

/** Why a connection is not let in. */
export type Turned = "connections" | "address";

/** Counts connections in and out. */
export class Turnstile {
  readonly #limits: Pick<FrontLimits, "maxConnections" | "maxPerAddress">;
  readonly #perAddress = new Map<string, number>();
  readonly #sharing: AddressSharing | undefined;
  #all = 0;

  /** `sharing`: with whom addresses have their limit in common; of no interest where there is none. */
  constructor(
    limits: Pick<FrontLimits, "maxConnections" | "maxPerAddress">,
    sharing?: AddressSharing,
  ) {
    this.#limits = limits;
    this.#sharing = limits.maxPerAddress === Infinity ? undefined : sharing;
  }

  /** Let one in from `address`, which must be let out again; or say why not. */
  enter(address: string): Turned | undefined {
    const known = this.#perAddress.get(address) ?? 0;
    if (this.#all >= this.#limits.maxConnections) return "connections";
    if (known + this.#elsewhere(address) >= this.#limits.maxPerAddress) return "address";
    this.#all++;
    this.#set(address, known + 1);
    return undefined;
  }

  /** Count one that is in under another address than `from`, or under none; or say why not. */
  move(from: string | undefined, to: string | undefined): Turned | undefined {
    if (from === to) return undefined;
    const known = to === undefined ? 0 : this.#perAddress.get(to) ?? 0;
    const all = to === undefined ? 0 : known + this.#elsewhere(to);
    if (all >= this.#limits.maxPerAddress) return "address";
    if (from !== undefined) this.#forget(from);
    if (to !== undefined) this.#set(to, known + 1);
    return undefined;
  }

  /** Let one out that counts under `address`. */
  leave(address: string | undefined): void {
    this.#all--;
    if (address !== undefined) this.#forget(address);
  }

  #forget(address: string): void {
    this.#set(address, (this.#perAddress.get(address) ?? 0) - 1);
  }

  #set(address: string, count: number): void {
    if (count > 0) this.#perAddress.set(address, count);
    else this.#perAddress.delete(address);
    this.#sharing?.changed(address, Math.max(0, count));
  }

  #elsewhere(address: string): number {
    return this.#sharing?.of(address) ?? 0;
  }
}
