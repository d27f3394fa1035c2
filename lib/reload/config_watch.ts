/** Files that are looked at until they say something else, and have said the same twice. @module */
import { type Clock, sleep } from "../base/mod.ts";

/** What watching needs. */
export interface ConfigWatchDeps {
  readonly clock: Clock;
  /** Digest of what the files say. Must not reject. */
  readonly look: () => Promise<string>;
  /** From the end of one look to the next, in milliseconds; undefined for no further look. */
  readonly everyMs: () => number | undefined;
  /** They say something else than what was `seen`. */
  readonly onChange: () => Promise<void>;
}

/** After so long a file that is being written has been, in milliseconds. */
export const SETTLE_MS = 500;

/** A file that says something else at each of so many looks is left for later. */
const MAX_SETTLE_LOOKS = 20;

/**
 * Looks by reading: what a file says cannot be told by its times where a link is exchanged above it, a
 * file system has another clock, or something is written twice within a tick.
 */
export class ConfigWatch implements Disposable {
  readonly #deps: ConfigWatchDeps;
  readonly #stop = new AbortController();
  #seen: string;
  #timer: Disposable | undefined;
  #looking = false;

  /** `seen` is the digest of what is known. */
  constructor(seen: string, deps: ConfigWatchDeps) {
    this.#seen = seen;
    this.#deps = deps;
    this.arm();
  }

  /** What has this digest is known from here on. */
  seen(digest: string): void {
    this.#seen = digest;
  }

  /** Look when it is time, which may be at another time than before. */
  arm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const everyMs = this.#deps.everyMs();
    if (everyMs === undefined || this.#looking || this.#stop.signal.aborted) return;
    this.#timer = this.#deps.clock.after(everyMs, () => this.#begin());
  }

  /** No look begins any more. */
  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#timer?.[Symbol.dispose]();
  }

  #begin(): void {
    this.#looking = true;
    this.#look().finally(() => {
      this.#looking = false;
      this.arm();
    });
  }

  async #look(): Promise<void> {
    const { look, onChange } = this.#deps;
    const found = await look();
    if (found === this.#seen || this.#stop.signal.aborted) return;
    const settled = await this.#settled(found);
    if (settled === undefined || settled === this.#seen) return;
    await onChange();
  }

  /** The digest that two looks in a row have found; undefined for none. */
  async #settled(first: string): Promise<string | undefined> {
    const { clock, look } = this.#deps;
    let last = first;
    for (let looks = 0; looks < MAX_SETTLE_LOOKS; looks++) {
      if (await sleep(clock, SETTLE_MS, this.#stop.signal) === "aborted") return undefined;
      const found = await look();
      if (this.#stop.signal.aborted) return undefined;
      if (found === last) return found;
      last = found;
    }
    return undefined;
  }
}
