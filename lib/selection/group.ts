/** The engines that serve one model, sorted out once for many choices. @module */
import type { Engine } from "../base/mod.ts";
import type { Candidate } from "./candidate.ts";

/** Which decode engines can take a handoff. A constant: what it gives is kept under its identity. */
export type Takes = (engine: Engine) => boolean;

/** Engines of a model that speak one protocol. */
export interface Kin {
  readonly kv: Engine["kv"];
  readonly decode: readonly Candidate[];
  readonly prefill: readonly Candidate[];
}

/** Decode engines for one kind of handoff. */
interface Taking {
  readonly all: readonly Candidate[];
  readonly kin: readonly Kin[];
}

/** Candidates for requests to one model, each list ordered as the candidates were given. */
export class ModelGroup {
  /**
   * Those that may serve a whole request. Never prefill engines, as LMCache's senders cannot; but for
   * those that could be on the other side, where nobody is.
   */
  readonly direct: readonly Candidate[];
  readonly prefill: readonly Candidate[];
  readonly decode: readonly Candidate[];
  readonly #senders = new Map<Engine["kv"], readonly Candidate[]>();
  readonly #taking = new Map<Takes, Taking>();
  #paired: readonly Candidate[] | undefined;

  constructor(candidates: readonly Candidate[], model: string) {
    const able = candidates.filter(({ engine }) => engine.models.includes(model));
    const serving = able.filter(({ engine }) => engine.role !== "prefill");
    this.direct = serving.length > 0 ? serving : able.filter(({ engine }) => engine.elastic);
    this.prefill = able.filter(({ engine }) => engine.role === "prefill");
    this.decode = able.filter(({ engine }) => engine.role === "decode");
  }

  /** Prefill engines whose KV can get to `decode`. */
  partners(decode: Engine): readonly Candidate[] {
    return this.#sendersBy(decode.kv);
  }

  /** Decode engines that some prefill engine can hand over to; all of them when there are none. */
  get paired(): readonly Candidate[] {
    this.#paired ??= this.#withPartner(this.decode);
    return this.#paired;
  }

  /** Decode engines that `takes`, those with a partner if there are any. */
  taking(takes: Takes): readonly Candidate[] {
    return this.#takingOf(takes).all;
  }

  /** The same by protocol, with their partners. */
  kin(takes: Takes): readonly Kin[] {
    return this.#takingOf(takes).kin;
  }

  /** Whether some decode engine has a prefill engine that can hand over to it. */
  get hasPair(): boolean {
    return this.decode.some(({ engine }) => this.partners(engine).length > 0);
  }

  #takingOf(takes: Takes): Taking {
    let known = this.#taking.get(takes);
    if (known === undefined) {
      const all = this.#withPartner(this.decode.filter(({ engine }) => takes(engine)));
      const byKv = Map.groupBy(all, ({ engine }) => engine.kv);
      const kin = Array.from(byKv, ([kv, decode]) => ({
        kv,
        decode,
        prefill: this.#sendersBy(kv),
      }));
      known = { all, kin };
      this.#taking.set(takes, known);
    }
    return known;
  }

  #sendersBy(kv: Engine["kv"]): readonly Candidate[] {
    let known = this.#senders.get(kv);
    if (known === undefined) {
      known = this.prefill.filter(({ engine }) => engine.kv === kv);
      this.#senders.set(kv, known);
    }
    return known;
  }

  #withPartner(decodes: readonly Candidate[]): readonly Candidate[] {
    const paired = decodes.filter(({ engine }) => this.partners(engine).length > 0);
    return paired.length > 0 ? paired : decodes;
  }
}
