/** Things that are looked at again and again: which have changed since a look, and which have gone. @module */

/** Things that have gone that are remembered; who looked last before the rest is told everything. */
const MAX_GONE = 1_024;

/** What is known of each thing by its key, as JSON. Looks are numbered from 1 on. */
export class Changing<Value> {
  readonly #there = new Map<string, { json: string; changed: number }>();
  /** The look at which each thing was not there any more, the earliest first. */
  readonly #gone = new Map<string, number>();
  /** Of what has gone up to this look, not all is remembered. */
  #forgotten = 0;

  /** Take what is there at `look`. */
  look(look: number, all: Iterable<readonly [key: string, value: Value]>): void {
    const seen = new Set<string>();
    for (const [key, value] of all) {
      seen.add(key);
      this.#gone.delete(key);
      const json = JSON.stringify(value);
      const known = this.#there.get(key);
      if (known === undefined) this.#there.set(key, { json, changed: look });
      else if (known.json !== json) {
        known.json = json;
        known.changed = look;
      }
    }
    for (const key of this.#there.keys()) {
      if (seen.has(key)) continue;
      this.#there.delete(key);
      this.#gone.set(key, look);
    }
    for (const [key, since] of this.#gone) {
      if (this.#gone.size <= MAX_GONE) break;
      this.#gone.delete(key);
      this.#forgotten = since;
    }
  }

  /** Whether somebody who looked at `look` last, 0 for never, has to be told everything. */
  isBehind(look: number): boolean {
    return look === 0 || look < this.#forgotten;
  }

  /** What has changed since `look`, as JSON by key; all for 0. */
  since(look: number): readonly (readonly [key: string, json: string])[] {
    return [...this.#there].flatMap(([key, { json, changed }]) =>
      changed > look ? [[key, json] as const] : []
    );
  }

  /** Keys of what has gone since `look`. */
  goneSince(look: number): readonly string[] {
    return [...this.#gone].flatMap(([key, since]) => since > look ? [key] : []);
  }
}
