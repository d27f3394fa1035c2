/** The engines at one moment. @module */
import type { Engine } from "../base/mod.ts";
import type { ModelCard } from "../openai/mod.ts";
import { type Candidate, type Load, ModelGroup } from "../selection/mod.ts";

/** An engine with what it said of itself. */
export interface EngineEntry {
  readonly engine: Engine;
  /** Its model cards as it gave them; those of configured models until it answered. */
  readonly cards: readonly ModelCard[];
  /** Unix seconds at which it was added. */
  readonly created: number;
  /** What of it is taken, where that is bounded; tells the present whenever it is read. */
  readonly load?: Load;
  /** It sleeps, and gets no requests. */
  readonly asleep?: boolean;
  /** Unix seconds since when it is on its side, where it can be on either. */
  readonly onSideSince?: number;
}

/** A frozen table of engines. Whoever holds one keeps it while the fleet goes on. */
export class FleetView {
  /** Ordered by URL. */
  readonly entries: readonly EngineEntry[];
  readonly engines: readonly Engine[];
  readonly #candidates: readonly Candidate[];
  readonly #groups = new Map<string, ModelGroup>();
  readonly #lengths = new Map<string, number | undefined>();
  readonly #byId: ReadonlyMap<string, Engine>;
  #sole: { readonly model: string | undefined } | undefined;

  /** `candidates` are those of the engines that may get requests, in the order of `entries`. */
  constructor(entries: readonly EngineEntry[], candidates: readonly Candidate[]) {
    this.entries = Object.freeze(entries);
    this.engines = Object.freeze(entries.map(({ engine }) => engine));
    this.#candidates = candidates;
    this.#byId = new Map(this.engines.map((engine) => [engine.id, engine]));
    Object.freeze(this);
  }

  /** The engine called `id`. */
  find(id: string): Engine | undefined {
    return this.#byId.get(id);
  }

  /** The only model that is served; undefined for several, "" for none. */
  get soleModel(): string | undefined {
    this.#sole ??= { model: soleOf(this.engines) };
    return this.#sole.model;
  }

  /** Whether any engine serves `model` that is not leaving. */
  serves(model: string): boolean {
    const { direct, prefill } = this.group(model);
    return direct.length + prefill.length > 0;
  }

  /** The engines that serve `model` and are not leaving, sorted out once. */
  group(model: string): ModelGroup {
    const known = this.#groups.get(model);
    if (known !== undefined) return known;
    const group = new ModelGroup(this.#candidates, model);
    // Names that clients make up are not kept.
    if (group.direct.length + group.prefill.length > 0) this.#groups.set(model, group);
    return group;
  }

  /** Longest context of `model` in tokens, as the engines' cards say; the least of them. */
  maxModelLen(model: string): number | undefined {
    if (!this.#lengths.has(model) && this.serves(model)) {
      this.#lengths.set(model, this.#leastLength(model));
    }
    return this.#lengths.get(model);
  }

  #leastLength(model: string): number | undefined {
    let least: number | undefined;
    for (const { cards } of this.entries) {
      for (const card of cards) {
        const length = card.id === model ? card.max_model_len : undefined;
        if (typeof length === "number" && (least === undefined || length < least)) least = length;
      }
    }
    return least;
  }
}

function soleOf(engines: readonly Engine[]): string | undefined {
  let sole = "";
  for (const { models } of engines) {
    for (const model of models) {
      if (sole !== "" && sole !== model) return undefined;
      sole = model;
    }
  }
  return sole;
}
