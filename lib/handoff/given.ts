/** What a client has been given of a stream, for another pair to go on from. @module */
import type { Engine } from "../base/mod.ts";
import { characterCount } from "../openai/mod.ts";

/** How many ids there is room for at first. */
const FIRST_IDS = 64;

/** Token ids of one answer, in the order they came. */
export class TokenList {
  readonly #most: number;
  #ids = new Int32Array(0);
  #length = 0;

  /** `most`: the most tokens that the answer may have. */
  constructor(most: number) {
    this.#most = most;
  }

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** Memory that is taken, in ids. */
  get capacity(): number {
    return this.#ids.length;
  }

  /** Add `ids`; false, and nothing added, where the answer may not have so many. */
  add(ids: readonly number[]): boolean {
    const length = this.#length + ids.length;
    if (length > this.#most) return false;
    if (length > this.#ids.length) {
      const room = Math.min(this.#most, Math.max(length, 2 * this.#ids.length, FIRST_IDS));
      const grown = new Int32Array(room);
      grown.set(this.#ids.subarray(0, this.#length));
      this.#ids = grown;
    }
    this.#ids.set(ids, this.#length);
    this.#length = length;
    return true;
  }

  /** The ids from `start` to `end`, both counted from the end where they are negative. */
  slice(start = 0, end: number = this.#length): readonly number[] {
    return Array.from(this.#ids.subarray(0, this.#length).subarray(start, end));
  }
}

/** Least characters kept of the end of a text. */
const TAIL = 64;

/** The text of an answer, of which its length and its end are kept. */
export class SaidText {
  readonly #kept: number;
  #length = 0;
  #tail = "";

  /** `kept`: characters of its end that are needed, at least. */
  constructor(kept: number) {
    this.#kept = Math.max(kept, TAIL);
  }

  /** In UTF-16 units. */
  get length(): number {
    return this.#length;
  }

  /** Its end. */
  get tail(): string {
    return this.#tail.slice(-this.#kept);
  }

  /** More of it. */
  add(text: string): void {
    this.#length += text.length;
    this.#tail += text;
    // Cut seldom: each cut copies what is kept.
    if (this.#tail.length > 4 * this.#kept) this.#tail = this.tail;
  }

  /** What `whole` has behind it; undefined where `whole` does not begin with it. */
  behind(whole: string): string | undefined {
    const { length, tail } = this;
    return whole.length >= length && whole.slice(length - tail.length, length) === tail
      ? whole.slice(length)
      : undefined;
  }
}

/** How far a stream has come. */
export class Given {
  readonly ids: TokenList;
  /** Who is at it, and is asked for texts of ids. */
  engine: Engine;
  /** Characters of all tokens so far, as their log-probabilities spell them. */
  spelled = 0;
  /** The decode engine's own fields have been taken over. */
  adopted = false;
  /** Why nobody can go on from there: what an engine said is not told by ids, or by ids alone. */
  obstacle: "no_ids" | "unfit" | undefined;

  /** `most`: the most tokens that the answer may have. */
  constructor(most: number, engine: Engine) {
    this.ids = new TokenList(most);
    this.engine = engine;
  }

  /** An event has been given: `said` whether there was any text in it. */
  add(ids: readonly number[], said: boolean): void {
    if ((said && ids.length === 0) || !this.ids.add(ids)) this.obstacle ??= "no_ids";
  }

  /** Where the tokens end that an event of the completions form has told. */
  told(tokens: readonly string[], offsets: readonly number[]): void {
    const [token, offset] = [tokens.at(-1), offsets.at(-1)];
    if (token !== undefined && offset !== undefined) this.spelled = offset + characterCount(token);
  }
}
