/**
 * All engines that are found anywhere, as one source for the fleet: checked against one another, and
 * drained and changed by hand on top of what their sources say.
 * @module
 */
import { describeError, type Engine, type Logger } from "../base/mod.ts";
import {
  type EnginePatch,
  type EngineRules,
  maskUrls,
  patchedEngine,
  type RawEngine,
} from "../config/mod.ts";
import type { EngineSource, SourceChange } from "../fleet/mod.ts";
import { ChangeQueue } from "./change_queue.ts";
import { type EngineFault, EngineTable } from "./engine_table.ts";
import type { FoundEngine, FoundSource } from "./found.ts";
import { type HandMarks, takeMark } from "./hand_marks.ts";

/** One engine that was found. */
export interface BookEntry {
  /** Its source's name, a slash, and its own name there. */
  readonly key: string;
  /** The name of its source. */
  readonly source: string;
  readonly found: FoundEngine;
  /** Undefined where it is left out, for `problems`. */
  readonly engine: Engine | undefined;
  readonly problems: readonly string[];
  /** It was told to drain by hand. */
  readonly drained: boolean;
  /** What was changed by hand. */
  readonly patch: EnginePatch | undefined;
}

/** How a source is doing. */
export interface SourceState {
  readonly name: string;
  /** Its engines, those left out too. */
  readonly engines: number;
  readonly leftOut: number;
  readonly synced: boolean;
  /** Why it cannot look; its engines stay as they were. */
  readonly ailment: string | undefined;
}

/** What a book works with. */
export interface BookDeps {
  readonly log: Logger;
  readonly rules: EngineRules;
  /** What was done by hand before, to engines that are still to be found. */
  readonly marks?: HandMarks | undefined;
}

/** A source that is followed. */
export interface Following {
  /** Follow `next` instead: what it does not find again goes once it has looked. */
  replace(next: FoundSource): void;
  /** Follow it no more; its engines go. */
  end(): void;
}

interface Entry {
  readonly follower: Follower;
  found: FoundEngine;
  /** The id under which the fleet has it. */
  told: string | undefined;
  drained: boolean;
  patch: EnginePatch | undefined;
  /** The round of its follower in which it was found last. */
  round: number;
  complaint: string;
}

interface Follower {
  source: FoundSource;
  stop: AbortController;
  round: number;
  synced: boolean;
  /** What ended it. */
  fault: string | undefined;
  readonly entries: Map<string, Entry>;
}

/** For one fleet. */
export class EngineBook implements EngineSource, AsyncDisposable {
  readonly #deps: BookDeps;
  readonly #table: EngineTable;
  readonly #queue = new ChangeQueue();
  readonly #followers = new Set<Follower>();
  readonly #entries = new Map<string, Entry>();
  readonly #byId = new Map<string, string>();
  readonly #running = new Set<Promise<void>>();
  #told = false;

  constructor(deps: BookDeps) {
    this.#deps = deps;
    this.#table = new EngineTable(deps.rules);
  }

  changes(stop: AbortSignal): AsyncIterable<SourceChange> {
    return this.#queue.read(stop);
  }

  /** Every engine that was found, those that are left out too. */
  *entries(): Generator<BookEntry> {
    for (const [key, entry] of this.#entries) yield this.#shown(key, entry);
  }

  /** The engine that the fleet has under `id`; or the one whose key that is, be it left out. */
  find(id: string): BookEntry | undefined {
    const key = this.#keyOf(id);
    const entry = key === undefined ? undefined : this.#entries.get(key);
    return key === undefined || entry === undefined ? undefined : this.#shown(key, entry);
  }

  /** How each source is doing. */
  sources(): readonly SourceState[] {
    return [...this.#followers].map(({ source, entries, synced, fault }) => ({
      name: source.name,
      engines: entries.size,
      leftOut: [...entries.values()].filter(({ told }) => told === undefined).length,
      synced,
      ailment: fault ?? source.ailment,
    }));
  }

  /** Follow a source until it is ended, or the book is disposed. Names are unique. */
  follow(source: FoundSource): Following {
    const follower: Follower = {
      source,
      stop: new AbortController(),
      round: 0,
      synced: false,
      fault: undefined,
      entries: new Map(),
    };
    this.#followers.add(follower);
    this.#run(follower);
    return {
      replace: (next) => {
        follower.stop.abort();
        follower.stop = new AbortController();
        follower.source = next;
        follower.round++;
        follower.fault = undefined;
        this.#run(follower);
      },
      end: () => {
        follower.stop.abort();
        this.#followers.delete(follower);
        for (const key of [...follower.entries.keys()]) this.#lose(follower, key);
        this.#sync();
      },
    };
  }

  /**
   * Have `rules` hold from here on, also of the engines that are there. Of a source that is followed
   * instead of another, they hold of what it finds again: the rest goes.
   */
  recheck(rules: EngineRules): void {
    const keys = [...this.#entries].filter(([, { follower, round }]) => round === follower.round)
      .map(([key]) => key);
    for (const key of this.#table.recheck(rules, keys)) this.#tell(key);
  }

  /** Have the engine `id` finish what it has and get nothing more, or serve again; false where there is none. */
  drain(id: string, drained: boolean): boolean {
    return this.#change(id, (entry) => {
      entry.drained = drained;
    });
  }

  /** Have `patch` hold of the engine `id` over what its source says; undefined for nothing. */
  patch(id: string, patch: EnginePatch | undefined): boolean {
    return this.#change(id, (entry) => {
      entry.patch = patch;
    });
  }

  /** What would keep an engine out that is found by `source` under `name`; undefined for nothing. */
  faultOf(source: string, name: string, raw: RawEngine): EngineFault | undefined {
    return this.#table.faultOf(`${source}/${name}`, raw);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { stop } of this.#followers) stop.abort();
    await Promise.all(this.#running);
  }

  #keyOf(id: string): string | undefined {
    return this.#byId.get(id) ?? (this.#entries.has(id) ? id : undefined);
  }

  #change(id: string, change: (entry: Entry) => void): boolean {
    const key = this.#keyOf(id);
    const entry = key === undefined ? undefined : this.#entries.get(key);
    if (key === undefined || entry === undefined) return false;
    change(entry);
    this.#put(key, entry);
    return true;
  }

  #run(follower: Follower): void {
    const { source, round, stop: { signal } } = follower;
    const running = this.#read(follower, { source, round, signal }).finally(() =>
      this.#running.delete(running)
    );
    this.#running.add(running);
  }

  async #read(
    follower: Follower,
    { source, round, signal }: {
      readonly source: FoundSource;
      readonly round: number;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    try {
      for await (const change of source.changes(signal)) {
        // One that was replaced may still have something to say.
        if (signal.aborted) return;
        if (change.kind === "found") this.#find(follower, change.engine, round);
        else if (change.kind === "lost") this.#lose(follower, change.key);
        else this.#synced(follower);
      }
    } catch (error) {
      if (signal.aborted) return;
      follower.fault = describeError(error);
      this.#deps.log.error("Engines are not followed any more: their source has failed", {
        source: source.name,
        error: follower.fault,
      });
      this.#synced(follower);
    }
  }

  #find(follower: Follower, found: FoundEngine, round: number): void {
    const key = `${follower.source.name}/${found.key}`;
    const known = follower.entries.get(found.key);
    const entry: Entry = known ?? {
      follower,
      found,
      told: undefined,
      ...takeMark(this.#deps.marks, key),
      round,
      complaint: "",
    };
    // Under another start, it is not the engine that was drained or changed.
    if (known !== undefined && known.found.started !== found.started) {
      entry.drained = false;
      entry.patch = undefined;
    }
    entry.found = found;
    entry.round = round;
    follower.entries.set(found.key, entry);
    this.#entries.set(key, entry);
    this.#put(key, entry);
  }

  #lose(follower: Follower, name: string): void {
    const entry = follower.entries.get(name);
    if (entry === undefined) return;
    const key = `${follower.source.name}/${name}`;
    follower.entries.delete(name);
    this.#entries.delete(key);
    const changed = this.#table.delete(key);
    this.#withdraw(key, entry);
    for (const other of changed) if (other !== key) this.#tell(other);
  }

  /** What this round has not found again is gone. */
  #synced(follower: Follower): void {
    follower.synced = true;
    if (follower.fault === undefined) {
      for (const [name, { round }] of [...follower.entries]) {
        if (round !== follower.round) this.#lose(follower, name);
      }
    }
    this.#sync();
  }

  #sync(): void {
    if (this.#told || [...this.#followers].some(({ synced }) => !synced)) return;
    this.#told = true;
    this.#queue.sync();
  }

  #put(key: string, { found, patch }: Entry): void {
    const raw = patchedEngine(found.raw, patch);
    const changed = this.#table.put(key, raw, found.started, found.problems);
    for (const each of changed) this.#tell(each);
  }

  /** Tell the fleet how the engine under `key` is. */
  #tell(key: string): void {
    const entry = this.#entries.get(key);
    const state = this.#table.get(key);
    if (entry === undefined || state === undefined) return;
    if (state.kind === "out") {
      this.#withdraw(key, entry);
      this.#complain(entry, state.problems);
      return;
    }
    entry.complaint = "";
    const { engine } = state;
    if (entry.told !== engine.id) this.#withdraw(key, entry);
    entry.told = engine.id;
    this.#byId.set(engine.id, key);
    this.#queue.push(engine.id, {
      engine,
      leaving: entry.drained || entry.found.leaving === true,
      asleep: entry.found.asleep,
    });
  }

  #withdraw(key: string, entry: Entry): void {
    const { told } = entry;
    entry.told = undefined;
    if (told === undefined || this.#byId.get(told) !== key) return;
    this.#byId.delete(told);
    this.#queue.push(told, undefined);
  }

  #complain(entry: Entry, problems: readonly string[]): void {
    const why = problems.join("; ");
    if (entry.complaint === why) return;
    entry.complaint = why;
    const { follower: { source }, found: { where, raw } } = entry;
    this.#deps.log.warning("Engine left out", () => ({
      source: source.name,
      engine: where,
      url: maskUrls(raw.url),
      why,
    }));
  }

  #shown(key: string, { follower, found, drained, patch }: Entry): BookEntry {
    const state = this.#table.get(key);
    const engine = state?.kind === "in" ? state.engine : undefined;
    const problems = state?.kind === "out" ? state.problems : [];
    return { key, source: follower.source.name, found, engine, problems, drained, patch };
  }
}
