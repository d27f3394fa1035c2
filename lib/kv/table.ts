/** All protocols by name, and what they make of engines. @module */
import { type Engine, type KvName, type Mode, MODES } from "../base/mod.ts";
import type { Candidate, Takes } from "../selection/mod.ts";
import { lmcache, taggedLmcache } from "./lmcache.ts";
import { nixl } from "./nixl.ts";
import type { KvProtocol } from "./protocol.ts";
import { sharedStorage } from "./shared_storage.ts";

/** A protocol for every name. */
export type KvProtocols = Readonly<Record<KvName, KvProtocol>>;

/** What engines can do by the protocol that each has. */
export class KvTable {
  readonly #protocols: KvProtocols;
  readonly #takes = new Map<string, Takes>();

  constructor(protocols: KvProtocols) {
    this.#protocols = protocols;
  }

  /** How KV of `engine` moves; undefined where it does not. */
  of({ kv }: Engine): KvProtocol | undefined {
    return kv === "none" ? undefined : this.#protocols[kv];
  }

  /** Modes that some of `decodes` can take. */
  modesOf(decodes: readonly Candidate[]): ReadonlySet<Mode> {
    return new Set(
      MODES.filter((mode) => decodes.some(({ engine }) => this.#canTake(engine, mode, false))),
    );
  }

  /** Whether some of `decodes` can read the same KV more than once. */
  rereads(decodes: readonly Candidate[]): boolean {
    return decodes.some(({ engine }) => this.of(engine)?.traits.rereads === true);
  }

  /** Whether KV waits at some of `engines` until a request reads it. */
  holds(engines: readonly Engine[]): boolean {
    return engines.some((engine) =>
      engine.role === "decode" && this.of(engine)?.traits.holds === true
    );
  }

  /** Which decode engines can take a handoff in `mode`, whose KV is read again where `readsAgain`. */
  takes(mode: Mode, readsAgain: boolean): Takes {
    const key = `${mode} ${readsAgain}`;
    let known = this.#takes.get(key);
    if (known === undefined) {
      known = (engine) => this.#canTake(engine, mode, readsAgain);
      this.#takes.set(key, known);
    }
    return known;
  }

  #canTake(engine: Engine, mode: Mode, readsAgain: boolean): boolean {
    const traits = this.of(engine)?.traits;
    return traits !== undefined && traits.modes(engine).includes(mode) &&
      (!readsAgain || traits.rereads);
  }
}

/** The protocols that the router knows. */
export const KV_TABLE: KvTable = new KvTable({ lmcache, nixl, shared_storage: sharedStorage });

/** As `KV_TABLE`, with LMCache's transfers under keys of their own. */
export const TAGGED_KV_TABLE: KvTable = new KvTable({
  lmcache: taggedLmcache,
  nixl,
  shared_storage: sharedStorage,
});
