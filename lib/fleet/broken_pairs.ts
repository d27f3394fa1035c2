/**
 * Prefill engines that do not meet a decode engine again which was started anew, as those of LMCache's
 * asynchronous backend: it keeps what it knows of a peer's process as long as its own runs.
 * @module
 */
import type { Engine, Logger } from "../base/mod.ts";
import type { Pair } from "../selection/mod.ts";
import type { FleetChange } from "./fleet_options.ts";
import type { Outcome } from "./flight.ts";
import type { FleetView } from "./view.ts";

/** Most pairs that are looked at; beyond it, the longest known goes first. */
const MAX_PAIRS = 4_096;

/** A pair whose decode engine was started anew. */
interface Doubted extends Pair {
  broken: boolean;
}

/** What it works with. */
export interface BrokenPairsDeps {
  readonly log: Logger;
  readonly snapshot: () => FleetView;
}

/** Follows restarts, and what becomes of handoffs behind them. */
export class BrokenPairs {
  readonly #deps: BrokenPairsDeps;
  readonly #pairs = new Map<string, Doubted>();

  constructor(deps: BrokenPairsDeps) {
    this.#deps = deps;
  }

  /** The pairs that nothing but a restart of the prefill engine is likely to mend. */
  get broken(): readonly Pair[] {
    return [...this.#pairs.values()].filter(({ broken }) => broken);
  }

  /** Learn of engines that go, and of those that another took the place of. */
  follow(change: FleetChange): void {
    if (change.kind !== "removed") return;
    const { engine, replaced } = change;
    for (const [key, { prefill, decode }] of this.#pairs) {
      if (prefill.id === engine.id || decode.id === engine.id) this.#pairs.delete(key);
    }
    if (replaced !== true || engine.role !== "decode" || engine.kv !== "lmcache") return;
    for (const prefill of this.#deps.snapshot().engines) {
      if (prefill.role === "prefill" && prefill.kv === "lmcache") this.#doubt(prefill, engine);
    }
  }

  /** Learn of a flight that is over. */
  landed({ engine: decode, leg, peer: prefill, end, code }: Outcome): void {
    if (this.#pairs.size === 0 || leg !== "decode" || prefill === undefined) return;
    const key = keyOf(prefill, decode);
    const pair = this.#pairs.get(key);
    if (pair === undefined) return;
    if (end === "ok") {
      this.#pairs.delete(key);
      if (pair.broken) {
        this.#deps.log.info("A prefill engine meets a decode engine again", urlsOf(pair));
      }
    } else if (end === "failed" && code === "kv-timeout" && !pair.broken) {
      pair.broken = true;
      this.#deps.log.warning(
        "A decode engine was started anew, and a prefill engine's KV does not come to it: " +
          "restart the prefill engine",
        urlsOf(pair),
      );
    }
  }

  #doubt(prefill: Engine, decode: Engine): void {
    const [oldest] = this.#pairs.keys();
    if (this.#pairs.size >= MAX_PAIRS && oldest !== undefined) this.#pairs.delete(oldest);
    this.#pairs.set(keyOf(prefill, decode), { prefill, decode, broken: false });
  }
}

function keyOf(prefill: Engine, decode: Engine): string {
  return JSON.stringify([prefill.id, decode.id]);
}

function urlsOf({ prefill, decode }: Pair): { readonly prefill: string; readonly decode: string } {
  return { prefill: prefill.url, decode: decode.url };
}
