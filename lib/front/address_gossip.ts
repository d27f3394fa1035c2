/** How many connections come from each address, told to other routers and heard of them. @module */
import type { Counts, Telling } from "../gossip/mod.ts";
import type { AddressSharing } from "./contract/mod.ts";

/** Addresses that others are told of, at most: with as many clients, none has much. */
const MAX_TOLD = 16_384;

/** Between the front of one router and those of others. */
export class AddressGossip implements AddressSharing {
  readonly #elsewhere: Pick<Counts, "of">;
  readonly #own = new Map<string, number>();
  readonly #changed = new Set<string>();

  /** `elsewhere`: the connections that others have, by address. */
  constructor(elsewhere: Pick<Counts, "of">) {
    this.#elsewhere = elsewhere;
  }

  of(address: string): number {
    return this.#elsewhere.of(address);
  }

  changed(address: string, connections: number): void {
    if (connections > 0) {
      if (this.#own.size >= MAX_TOLD && !this.#own.has(address)) return;
      this.#own.set(address, connections);
    } else if (!this.#own.delete(address)) return;
    this.#changed.add(address);
  }

  /** Tell what has changed, or all there is. */
  gather(telling: Telling): void {
    const addresses = telling.all ? this.#own.keys() : this.#changed;
    for (const address of addresses) telling.address(address, this.#own.get(address) ?? 0);
    this.#changed.clear();
  }
}
