/** How many connections there are, in all and from each address. @module */
import type { FrontLimits } from "../contract/mod.ts";

/** Why a connection is not let in. */
export type Turned = "connections" | "address";

/** Counts connections in and out. */
export class Turnstile {
  readonly #limits: Pick<FrontLimits, "maxConnections" | "maxPerAddress">;
  readonly #perAddress = new Map<string, number>();
  #all = 0;

  constructor(limits: Pick<FrontLimits, "maxConnections" | "maxPerAddress">) {
    this.#limits = limits;
  }

  /** Let one in from `address`, which must be let out again; or say why not. */
  enter(address: string): Turned | undefined {
    const known = this.#perAddress.get(address) ?? 0;
    if (this.#all >= this.#limits.maxConnections) return "connections";
    if (known >= this.#limits.maxPerAddress) return "address";
    this.#all++;
    this.#perAddress.set(address, known + 1);
    return undefined;
  }

  /** Count one that is in under another address than `from`, or under none; or say why not. */
  move(from: string | undefined, to: string | undefined): Turned | undefined {
    if (from === to) return undefined;
    const known = to === undefined ? 0 : this.#perAddress.get(to) ?? 0;
    if (known >= this.#limits.maxPerAddress) return "address";
    if (from !== undefined) this.#forget(from);
    if (to !== undefined) this.#perAddress.set(to, known + 1);
    return undefined;
  }

  /** Let one out that counts under `address`. */
  leave(address: string | undefined): void {
    this.#all--;
    if (address !== undefined) this.#forget(address);
  }

  #forget(address: string): void {
    const left = (this.#perAddress.get(address) ?? 0) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
  }
}
