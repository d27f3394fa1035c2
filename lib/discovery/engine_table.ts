/**
 * Engines that are found one by one, checked in themselves and against those that are there. Who came
 * first stays: another that would disturb it is left out, with the reason, until it can come.
 * @module
 */
import type { Engine } from "../base/mod.ts";
import {
  type CheckedEngine,
  checkEngine,
  type EngineDraft,
  engineRecord,
  type EngineRules,
  ranksFault,
  type RawEngine,
  receiverAddresses,
  sharedAddress,
} from "../config/mod.ts";

/** What came of an engine. */
export type Admission =
  | { readonly kind: "in"; readonly engine: Engine }
  | { readonly kind: "out"; readonly problems: readonly string[] };

/** What keeps an engine out: itself, or another that is there. */
export interface EngineFault {
  readonly kind: "wrong" | "clash";
  readonly problems: readonly string[];
}

interface Row {
  readonly raw: RawEngine;
  readonly started: string | undefined;
  readonly mistakes: readonly string[];
  readonly draft: EngineDraft | undefined;
  state: Admission;
}

/** Keyed by whoever fills it. */
export class EngineTable {
  #rules: EngineRules;
  readonly #rows = new Map<string, Row>();
  /** Who has a URL, an id and an address of a receiver: keys of rows. */
  readonly #urls = new Map<string, string>();
  readonly #ids = new Map<string, string>();
  readonly #receivers = new Map<string, string>();
  /** Rows whose engines say how many ranks notify, and how many rows are out for the sake of others. */
  readonly #ranked = new Set<string>();
  readonly #waiting = new Set<string>();

  constructor(rules: EngineRules) {
    this.#rules = rules;
  }

  /** What came of the engine under `key`; undefined where there is none. */
  get(key: string): Admission | undefined {
    return this.#rows.get(key)?.state;
  }

  /** What would keep an engine out if it were put in under `key`; undefined where it would come in. */
  faultOf(key: string, raw: RawEngine): EngineFault | undefined {
    const checked = checkEngine(raw, this.#rules);
    if (!checked.ok) return { kind: "wrong", problems: checked.problems };
    const { draft } = checked;
    const clash = this.#clash(key, engineRecord(draft, this.#idFor(draft, key), this.#rules));
    return clash === undefined ? undefined : { kind: "clash", problems: [clash] };
  }

  /**
   * Put an engine in, or in the place of the one under `key`. With `mistakes` it is left out for them.
   *
   * @returns the keys whose engines are others than before: those left out may come in another's place.
   */
  put(
    key: string,
    raw: RawEngine,
    started?: string,
    mistakes: readonly string[] = [],
  ): readonly string[] {
    const before = this.#rows.get(key);
    if (before !== undefined) this.#free(key, before);
    this.#admit(key, this.#check(key, { raw, started, mistakes }));
    return [key, ...this.#retry(key)];
  }

  /** Have `rules` hold from here on, also of those that are there under `keys`, in that order; as `put`. */
  recheck(rules: EngineRules, keys: readonly string[]): readonly string[] {
    this.#rules = rules;
    const rows = keys.flatMap((key) => {
      const row = this.#rows.get(key);
      if (row === undefined) return [];
      this.#free(key, row);
      return [[key, this.#check(key, row)] as const];
    });
    for (const [key, row] of rows) this.#admit(key, row);
    return [...new Set([...keys, ...this.#retry()])];
  }

  /** Take an engine out; as `put`. */
  delete(key: string): readonly string[] {
    const row = this.#rows.get(key);
    if (row === undefined) return [];
    this.#free(key, row);
    this.#rows.delete(key);
    return [key, ...this.#retry(key)];
  }

  /** A row that is in nobody's way yet. */
  #check(
    key: string,
    { raw, started, mistakes }: Pick<Row, "raw" | "started" | "mistakes">,
  ): Row {
    const checked: CheckedEngine = mistakes.length > 0
      ? { ok: false, problems: mistakes }
      : checkEngine(raw, this.#rules);
    const row: Row = {
      raw,
      started,
      mistakes,
      draft: checked.ok ? checked.draft : undefined,
      state: { kind: "out", problems: checked.ok ? [] : checked.problems },
    };
    this.#rows.set(key, row);
    return row;
  }

  /** Let those in that were left out, as far as they can come. */
  #retry(except?: string): readonly string[] {
    const came: string[] = [];
    for (const key of [...this.#waiting]) {
      const row = this.#rows.get(key);
      if (row === undefined || key === except) continue;
      this.#admit(key, row);
      if (row.state.kind === "in") came.push(key);
    }
    return came;
  }

  #admit(key: string, row: Row): void {
    const { draft, started } = row;
    if (draft === undefined) return;
    const engine = {
      ...engineRecord(draft, this.#idFor(draft, key), this.#rules),
      ...(started === undefined ? {} : { started }),
    };
    const clash = this.#clash(key, engine);
    if (clash !== undefined) {
      row.state = { kind: "out", problems: [clash] };
      this.#waiting.add(key);
      return;
    }
    row.state = { kind: "in", engine };
    this.#waiting.delete(key);
    this.#urls.set(engine.url, key);
    this.#ids.set(engine.id, key);
    for (const address of receiverAddresses(engine)) this.#receivers.set(address, key);
    if (engine.notifications !== undefined) this.#ranked.add(key);
  }

  #free(key: string, { state }: Row): void {
    this.#waiting.delete(key);
    this.#ranked.delete(key);
    if (state.kind === "out") return;
    this.#urls.delete(state.engine.url);
    this.#ids.delete(state.engine.id);
    for (const address of receiverAddresses(state.engine)) this.#receivers.delete(address);
  }

  /** `host:port`; two schemes of one address are told apart by a number. */
  #idFor({ at: { id } }: EngineDraft, key: string): string {
    let free = id;
    for (let number = 2; (this.#ids.get(free) ?? key) !== key; number++) free = `${id}-${number}`;
    return free;
  }

  #clash(key: string, engine: Engine): string | undefined {
    const owner = this.#urls.get(engine.url);
    if (owner !== undefined && owner !== key) return `there is an engine with this URL: ${owner}`;
    for (const address of receiverAddresses(engine)) {
      const other = this.#receivers.get(address);
      if (other !== undefined && other !== key) {
        return sharedAddress(address, this.#engineAt(other)?.url ?? other);
      }
    }
    for (const other of engine.notifications === undefined ? this.#ranked : this.#rows.keys()) {
      const there = other === key ? undefined : this.#engineAt(other);
      if (there === undefined) continue;
      const fault = ranksFault(engine, there) ?? ranksFault(there, engine);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #engineAt(key: string): Engine | undefined {
    const state = this.#rows.get(key)?.state;
    return state?.kind === "in" ? state.engine : undefined;
  }
}
