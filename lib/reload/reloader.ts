/** A configuration that is read again: one reading at a time, and what is to be told of the last. @module */
import { type Clock, describeError, type Logger, RouterError, sleep } from "../base/mod.ts";
import { ConfigWatch } from "./config_watch.ts";
import type { ConfigOrigin, ConfigRead, Loaded, ReloadReport } from "./origin.ts";
import { planReload } from "./plan.ts";

/** What reloading works with. */
export interface ReloaderDeps<Hooks> {
  readonly clock: Clock;
  readonly log: Logger;
  readonly origin: ConfigOrigin<Hooks>;
  /** Have the router go by `loaded`, all at once; where it rejects, nothing has changed. */
  readonly apply: (loaded: Loaded<Hooks>) => Promise<void>;
  /** Told of the end of each reload; must not throw. */
  readonly onReport?: (report: ReloadReport) => void;
}

/** Files that are not read by then are not waited for, in milliseconds. */
const READ_MS = 30_000;

/** Most problems that are told, and the longest of them, in characters. */
const MAX_TOLD = 20;
const MAX_TEXT = 500;

/** Reads when it is asked to, and when files have changed. */
export class Reloader<Hooks> implements Disposable {
  readonly #deps: ReloaderDeps<Hooks>;
  readonly #watch: ConfigWatch | undefined;
  #loaded: Loaded<Hooks>;
  #running: Promise<ReloadReport> | undefined;
  #next: Promise<ReloadReport> | undefined;
  #stopped = false;
  #problems: readonly string[] = [];
  #restart: readonly string[] = [];

  constructor(deps: ReloaderDeps<Hooks>) {
    const { clock, origin: { start, look } } = this.#deps = deps;
    this.#loaded = start.loaded;
    this.#watch = look && new ConfigWatch(start.digest, {
      clock,
      look,
      everyMs: () => this.#loaded.config.reload?.everyMs,
      onChange: () => this.reload().then(() => {}),
    });
  }

  /** Why what was read last is not in force; empty when it is, or nothing has been read. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Names of settings that need another start. */
  get restart(): readonly string[] {
    return this.#restart;
  }

  /**
   * Read everything again, and take it. Whoever asks while that is under way is told of one that begins
   * afterwards. Resolves whatever comes of it.
   */
  reload(): Promise<ReloadReport> {
    if (this.#next !== undefined) return this.#next;
    if (this.#running === undefined) return this.#running = this.#reload();
    return this.#next = this.#running.then(() => {
      this.#next = undefined;
      return this.#running = this.#reload();
    });
  }

  /** Nothing is read any more. */
  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#watch?.[Symbol.dispose]();
  }

  async #reload(): Promise<ReloadReport> {
    const report = await this.#taken();
    this.#running = undefined;
    this.#problems = report.problems;
    this.#tell(report);
    // The log may be another from here on: it has been told.
    if (report.result === "applied") this.#deps.origin.taken(this.#loaded);
    this.#watch?.arm();
    this.#deps.onReport?.(report);
    return report;
  }

  async #taken(): Promise<ReloadReport> {
    let read: ConfigRead<Hooks>;
    try {
      read = await this.#read();
    } catch (error) {
      return refused([describeError(error)]);
    }
    this.#watch?.seen(read.digest);
    if (!read.ok) return refused(read.problems);
    if (this.#stopped) return refused(["The router is stopping"]);
    const { applied, restart, ...resolved } = planReload(this.#loaded, read.loaded);
    const hooks = read.loaded.hooks === this.#loaded.hooks ? [] : ["modules"];
    const all = [...applied, ...hooks];
    const loaded: Loaded<Hooks> = {
      ...resolved,
      hooks: read.loaded.hooks,
      notes: read.loaded.notes,
    };
    try {
      if (all.length > 0) await this.#deps.apply(loaded);
    } catch (error) {
      return refused([describeError(error)]);
    }
    this.#loaded = loaded;
    this.#restart = restart;
    const result = all.length > 0 ? "applied" : "unchanged";
    return { result, applied: all, restart, problems: [] };
  }

  async #read(): Promise<ConfigRead<Hooks>> {
    const over = new AbortController();
    const late = sleep(this.#deps.clock, READ_MS, over.signal).then((end) => {
      if (end === "aborted") throw new RouterError("internal", "The files have been read");
      const message = `Cannot read the files of the configuration within ${READ_MS / 1000} s`;
      throw new RouterError("internal", message);
    });
    late.catch(() => {});
    try {
      return await Promise.race([this.#deps.origin.read(), late]);
    } finally {
      over.abort();
    }
  }

  #tell({ result, applied, restart, problems }: ReloadReport): void {
    const { log } = this.#deps;
    switch (result) {
      case "refused":
        log.error("The configuration that was read cannot be used: the one before stays", {
          problems: problems.length,
        });
        for (const problem of problems) log.error(`Configuration: ${problem}`);
        return;
      case "applied":
        log.info("The configuration has changed", { changed: applied.join(", ") });
        for (const note of this.#loaded.notes) log.warning(note);
        break;
      case "unchanged":
        log.info("The configuration has been read: nothing that is in force has changed");
        break;
      default:
        return result satisfies never;
    }
    if (restart.length > 0) {
      log.warning("What has changed of these settings takes effect with the next start", {
        settings: restart.map((name) => `--${name}`).join(", "),
      });
    }
  }
}

function refused(problems: readonly string[]): ReloadReport {
  const told = problems.slice(0, MAX_TOLD).map((text) => text.slice(0, MAX_TEXT));
  const more = problems.length - told.length;
  return {
    result: "refused",
    applied: [],
    restart: [],
    problems: more > 0 ? [...told, `and ${more} more`] : told,
  };
}
