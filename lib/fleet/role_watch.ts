/** Tells once of each difference between the engines of the two roles, as it shows. @module */
import { BoundedSet, type Clock, type Engine, type Logger, type Timer } from "../base/mod.ts";
import type { FleetChange } from "./fleet_options.ts";
import { differencesIn, type RoleDifference } from "./role_differences.ts";
import type { FleetView } from "./view.ts";

/** What watching needs. */
export interface RoleWatchDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly snapshot: () => FleetView;
  /** The version an engine tells; undefined where it tells none. Never rejects. */
  readonly fetchVersion: (engine: Engine) => Promise<string | undefined>;
}

/** Changes come together: they are looked at when none has come for so long, in milliseconds. */
const SETTLE_MS = 500;

/** Most questions for a version at once. */
const MAX_ASKING = 8;

/** Most differences told of that are remembered. */
const MAX_TOLD = 1_024;

/** Watches from the first change until it is disposed. */
export class RoleWatch implements Disposable {
  readonly #deps: RoleWatchDeps;
  readonly #versions = new Map<string, string>();
  /** Engines to be asked. */
  readonly #due = new Map<string, Engine>();
  readonly #told = new BoundedSet(MAX_TOLD);
  #asking = 0;
  #settling: Timer | undefined;
  #stopped = false;
  #differences: readonly RoleDifference[] = [];

  constructor(deps: RoleWatchDeps) {
    this.#deps = deps;
  }

  /** Of the engines as they were when they last changed. */
  get differences(): readonly RoleDifference[] {
    return this.#differences;
  }

  /** Learn of engines as they come, change and go. */
  follow({ kind, engine }: FleetChange): void {
    if (kind === "forgotten" || kind === "leaving" || this.#stopped) return;
    if (kind === "removed") {
      this.#versions.delete(engine.id);
      this.#due.delete(engine.id);
    } else if (kind === "changed" && engine.role !== "any") {
      this.#due.set(engine.id, engine);
    }
    this.#settle();
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#settling?.cancel();
    this.#due.clear();
  }

  #ask(): void {
    for (const [id, engine] of this.#due) {
      if (this.#asking >= MAX_ASKING) return;
      this.#due.delete(id);
      this.#asking++;
      this.#deps.fetchVersion(engine).then((version) => {
        this.#asking--;
        if (this.#stopped) return;
        this.#learn(engine, version);
        this.#ask();
      });
    }
  }

  #learn({ id, url }: Engine, version: string | undefined): void {
    // It may have gone meanwhile, and another have come under its id.
    if (this.#deps.snapshot().find(id)?.url !== url) return;
    if (version === undefined) this.#versions.delete(id);
    else this.#versions.set(id, version);
    this.#settle();
  }

  #settle(): void {
    this.#settling?.cancel();
    this.#settling = this.#deps.clock.after(SETTLE_MS, () => {
      this.#settling = undefined;
      this.#ask();
      this.#compare();
    });
  }

  #compare(): void {
    const { entries } = this.#deps.snapshot();
    this.#differences = differencesIn(entries, (id) => this.#versions.get(id));
    for (const difference of this.#differences) {
      const { model, property, prefill, decode } = difference;
      if (!this.#told.add(JSON.stringify(difference))) continue;
      this.#deps.log.warning("Prefill and decode engines of a model differ", () => ({
        model,
        property,
        prefill: prefill.join(","),
        decode: decode.join(","),
      }));
    }
  }
}
