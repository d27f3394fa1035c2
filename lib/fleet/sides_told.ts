/** On which side each of the other routers has engines that can be on either. @module */
import type { Side } from "../base/mod.ts";
import type { PeerId } from "../gossip/mod.ts";

/** What each router has told last, by the engine's name. */
export class SidesTold {
  readonly #sides = new Map<PeerId, Map<string, Side>>();

  /** `peer` has the engine on `side`. */
  set(peer: PeerId, engine: string, side: Side): void {
    const sides = this.#sides.get(peer) ?? new Map<string, Side>();
    this.#sides.set(peer, sides);
    sides.set(engine, side);
  }

  /** Where `peer` has the engine; undefined where it has told none. */
  of(peer: PeerId, engine: string): Side | undefined {
    return this.#sides.get(peer)?.get(engine);
  }

  /** The engine is not there any more. */
  drop(engine: string): void {
    for (const sides of this.#sides.values()) sides.delete(engine);
  }

  /** The router has gone. */
  forget(peer: PeerId): void {
    this.#sides.delete(peer);
  }
}
