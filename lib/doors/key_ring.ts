/** Keys by what a client shows, found in a time that tells nothing of them. @module */
import { sameInConstantTime, sha256 } from "../base/mod.ts";

/** Longest key that is looked for, in characters. */
const MAX_KEY = 4096;

/** Things by the SHA-256 of their key. */
export class KeyRing<T extends { readonly digest: string }> {
  readonly #secret: string;
  readonly #entries = new Map<string, T>();

  /**
   * Of several with one digest the last counts. `secret` is nobody's but this process's: where in the
   * table a key is looked for depends on it, so that the time of a search tells a client nothing.
   */
  constructor(entries: Iterable<T>, secret: string) {
    this.#secret = secret;
    for (const entry of entries) this.#entries.set(this.#placeOf(entry.digest), entry);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** What `key` opens; undefined when it opens nothing. */
  find(key: string): T | undefined {
    if (key.length > MAX_KEY) return undefined;
    const digest = sha256(key);
    const entry = this.#entries.get(this.#placeOf(digest));
    return entry !== undefined && sameInConstantTime(entry.digest, digest) ? entry : undefined;
  }

  #placeOf(digest: string): string {
    return sha256(this.#secret + digest);
  }
}
