/** What the owners of keys have used, told to other routers and heard of them. @module */
import type { Counts, Hearing, Telling } from "../gossip/mod.ts";
import type { KeySharing, KeyState } from "./key_state.ts";
import type { KeyStore } from "./key_store.ts";

/** What it works with. */
export interface KeyGossipDeps {
  /** Requests that run elsewhere, by the name of their key. */
  readonly counts: Pick<Counts, "of">;
  /** The keys in force; undefined where there are none. */
  readonly store: () => Pick<KeyStore, "known" | "states"> | undefined;
  /** There is something that others are to know at once. */
  readonly hurry: () => void;
}

/** Between the keys of one router and those of others: keys of one name are one key. */
export class KeyGossip implements KeySharing {
  readonly #deps: KeyGossipDeps;
  readonly #changed = new Set<KeyState>();

  constructor(deps: KeyGossipDeps) {
    this.#deps = deps;
  }

  running(name: string): number {
    return this.#deps.counts.of(name);
  }

  used(state: KeyState, soon: boolean): void {
    this.#changed.add(state);
    if (soon) this.#deps.hurry();
  }

  /** Tell what has been used; of keys that have gone nothing. */
  gather(telling: Telling): void {
    const store = this.#deps.store();
    const states = telling.all ? store?.states ?? [] : this.#changed;
    for (const state of states) {
      if (store?.known(state.name) !== state) continue;
      const use = state.use();
      if (use.requests > 0 || use.tokens > 0) telling.key(state.name, use);
    }
    this.#changed.clear();
  }

  /** As `Hearing`. */
  readonly hearing: Pick<Hearing, "used" | "resets"> = {
    used: (key, requests, tokens) => this.#find(key)?.usedElsewhere(requests, tokens),
    resets: (key, requestsMs, tokensMs) => this.#find(key)?.wholeIn(requestsMs, tokensMs),
  };

  #find(key: string): KeyState | undefined {
    return this.#deps.store()?.known(key);
  }
}
