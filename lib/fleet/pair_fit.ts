/** Which engines hand nothing off to one another, as what they tell of themselves does not go together. @module */
import type { Engine, Logger } from "../base/mod.ts";
import type { EngineTold } from "./engine_told.ts";
import type { EngineEntry, FleetView } from "./view.ts";

/** What must be equal. */
export const FIT_PROPERTIES = ["root", "dtype", "cache_dtype", "version", "chunk_size"] as const;
export type FitProperty = (typeof FIT_PROPERTIES)[number];

/** Two engines that differ in it. */
export interface Misfit {
  readonly prefill: Engine;
  readonly decode: Engine;
  readonly differ: readonly FitProperty[];
}

/** What one engine tells; what is absent is not known, and differs from nothing. */
type Facts = Readonly<Partial<Record<FitProperty, string>>>;

/** Engines that tell the same, of one protocol and for one model. */
interface Alike {
  readonly kv: Engine["kv"];
  readonly models: readonly string[];
  readonly facts: Facts;
  readonly key: string;
  readonly prefill: Engine[];
  readonly decode: Engine[];
}

/** Types of KV caches that are one with vLLM's `auto`, the type of the model. */
const PLAIN: ReadonlySet<string> = new Set(["auto", "bfloat16", "float16", "half"]);

/**
 * What `engine` is compared by. NIXL's handshake refuses another version, model or type of cache
 * (vLLM `compute_nixl_compatibility_hash`), and puts up with other block sizes and ranks. LMCache's keys
 * have the model's name, and their hashes are those of vLLM's release and of whole chunks.
 */
function factsOf({ engine, cards }: EngineEntry, { version, cacheDtype }: EngineTold): Facts {
  const { kv, chunkTokens } = engine;
  const told: { [Name in FitProperty]?: string } = {};
  const [card] = cards.filter(({ id }) => engine.models.includes(id));
  for (const property of ["root", "dtype"] as const) {
    const value = card?.[property];
    if (typeof value === "string") told[property] = value;
  }
  if (cacheDtype !== undefined) told.cache_dtype = PLAIN.has(cacheDtype) ? "auto" : cacheDtype;
  if (version !== undefined) told.version = kv === "nixl" ? version : releaseOf(version);
  if (kv === "lmcache" && chunkTokens !== undefined) told.chunk_size = String(chunkTokens);
  return told;
}

/** The first two numbers of a version: patches do not change how KV is laid out or named. */
function releaseOf(version: string): string {
  return /^v?\d+\.\d+/.exec(version)?.[0] ?? version;
}

/** What engines tell beside their models. */
export interface Telling {
  /** Another number for as long as something told is another. */
  readonly revision: number;
  of(engine: Engine): EngineTold;
}

/** Compares engines when it is asked, as they are in one view. */
export class PairFit {
  readonly #log: Pick<Logger, "warning">;
  readonly #telling: Telling;
  #compared: { readonly view: FleetView; readonly revision: number } | undefined;
  /** By prefill engine, then by decode engine, whom it does not go together with. */
  #misfits: ReadonlyMap<string, ReadonlyMap<string, Misfit>> = new Map();
  #said = new Set<string>();

  constructor(log: Pick<Logger, "warning">, telling: Telling) {
    this.#log = log;
    this.#telling = telling;
  }

  /**
   * Whether a prefill and a decode engine of `view`, by their ids, do not go together; undefined where all
   * do.
   */
  in(view: FleetView): ((prefill: string, decode: string) => boolean) | undefined {
    const { revision } = this.#telling;
    if (this.#compared?.view !== view || this.#compared.revision !== revision) {
      this.#compare(view.entries);
      this.#compared = { view, revision };
    }
    const misfits = this.#misfits;
    if (misfits.size === 0) return undefined;
    return (prefill, decode) => misfits.get(prefill)?.has(decode) === true;
  }

  /** All pairs of `view` that do not go together. */
  misfitsIn(view: FleetView): readonly Misfit[] {
    if (this.in(view) === undefined) return [];
    return [...this.#misfits.values()].flatMap((partners) => [...partners.values()]);
  }

  #compare(entries: readonly EngineEntry[]): void {
    const groups = this.#alike(entries);
    const misfits = new Map<string, Map<string, Misfit>>();
    const said = new Set<string>();
    for (const one of groups) {
      if (one.prefill.length === 0) continue;
      for (const other of groups) {
        const differ = differing(one, other);
        if (differ.length === 0 || other.decode.length === 0) continue;
        this.#say(one, other, differ, said);
        for (const prefill of one.prefill) {
          const partners = misfits.get(prefill.id) ?? new Map<string, Misfit>();
          misfits.set(prefill.id, partners);
          for (const decode of other.decode) {
            partners.set(decode.id, { prefill, decode, differ });
          }
        }
      }
    }
    this.#misfits = misfits;
    this.#said = said;
  }

  #alike(entries: readonly EngineEntry[]): readonly Alike[] {
    const groups = new Map<string, Alike>();
    for (const entry of entries) {
      const { kv, role, models } = entry.engine;
      if (kv === "none" || (role !== "prefill" && role !== "decode")) continue;
      const facts = factsOf(entry, this.#telling.of(entry.engine));
      const key = JSON.stringify([kv, models, Object.entries(facts)]);
      const alike = groups.get(key) ?? { kv, models, facts, key, prefill: [], decode: [] };
      groups.set(key, alike);
      alike[role].push(entry.engine);
    }
    return [...groups.values()];
  }

  /** Once for as long as it lasts, whoever of those alike comes and goes. */
  #say(one: Alike, other: Alike, differ: readonly FitProperty[], said: Set<string>): void {
    const key = `${one.key} ${other.key}`;
    said.add(key);
    if (this.#said.has(key)) return;
    const values = ({ facts }: Alike): string => differ.map((name) => facts[name]).join(", ");
    this.#log.warning("Engines that differ do not hand off to one another", {
      prefill: one.prefill.map(({ url }) => url).join(","),
      decode: other.decode.map(({ url }) => url).join(","),
      differ: differ.join(", "),
      prefill_has: values(one),
      decode_has: values(other),
    });
  }
}

function differing(one: Alike, other: Alike): readonly FitProperty[] {
  if (one.kv !== other.kv || !one.models.some((model) => other.models.includes(model))) return [];
  return FIT_PROPERTIES.filter((name) => {
    const [mine, yours] = [one.facts[name], other.facts[name]];
    return mine !== undefined && yours !== undefined && mine !== yours;
  });
}
