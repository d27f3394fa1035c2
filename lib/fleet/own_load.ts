/** What this router has under way at an engine, as others are told of it. @module */
import type { Engine, Side } from "../base/mod.ts";
import type { EngineLoad } from "../gossip/mod.ts";

/** The counts of this router alone. */
interface Counted {
  readonly ownInflight: number;
  readonly ownPromptTokens: number;
  readonly engine: Pick<Engine, "role" | "elastic">;
  readonly load: { readonly own: Pick<EngineLoad, "seats" | "transfers" | "kvBytes"> };
}

/** Tells the present whenever it is read. */
export class OwnLoad implements EngineLoad {
  silent = false;
  waits = false;
  readonly #live: Counted;

  constructor(live: Counted) {
    this.#live = live;
  }

  get side(): Side | undefined {
    const { elastic, role } = this.#live.engine;
    return elastic === true && (role === "prefill" || role === "decode") ? role : undefined;
  }

  get inflight(): number {
    return this.#live.ownInflight;
  }

  get promptTokens(): number {
    return this.#live.ownPromptTokens;
  }

  get seats(): number {
    return this.#live.load.own.seats;
  }

  get transfers(): number {
    return this.#live.load.own.transfers;
  }

  get kvBytes(): number {
    return this.#live.load.own.kvBytes;
  }
}
