/**
 * The model: the next token as a pure function of every token before it.
 *
 * Which engine computes it, and how the tokens are split into prompt and output, makes no
 * difference; so a handoff that works continues exactly as one engine would.
 * @module
 */
import type { TokenIds } from "./tokenizer.ts";
import {
  BYTE_BASE,
  byteOf,
  EOS,
  GARBAGE,
  type IdRange,
  isSpecial,
  SPACED_START_WORDS,
  SPACED_WORDS,
  START_WORDS,
} from "./vocabulary.ts";

/** Characters of more than one byte that the model writes now and then. */
const WIDE_CHARS: readonly Uint8Array[] = ["é", "ü", "ñ", "世", "界", "→", "😀", "🚀", "🌊"]
  .map((char) => new TextEncoder().encode(char));

const PERIOD = BYTE_BASE + 0x2e;
const COMMA = BYTE_BASE + 0x2c;
const NEWLINE = BYTE_BASE + 0x0a;

/** One in so many draws; see `#draw`. */
const ODDS = { eosAfterSentence: 40, newline: 9, period: 10, comma: 17, wide: 23, eos: 499 };

/** A token sequence being continued: a rolling hash of all of it, and what its end looks like. */
export class Sequence {
  #low: number;
  #high: number;
  #last = -1;
  /** Bytes of a character begun and not complete, in order. */
  #open: number[] = [];
  #missing = 0;

  /** @param seed Engines of one model share it; another seed is another model. */
  constructor(seed: number) {
    this.#low = Math.imul(seed + 1, 0x9e3779b1);
    this.#high = Math.imul(seed ^ 0x5bd1e995, 0x85ebca6b);
  }

  /** A copy that continues on its own; `variant` 0 continues alike, another one differently. */
  fork(variant: number): Sequence {
    const copy = new Sequence(0);
    copy.#low = this.#low ^ Math.imul(variant, 0x27d4eb2f);
    copy.#high = this.#high;
    copy.#last = this.#last;
    copy.#open = [...this.#open];
    copy.#missing = this.#missing;
    return copy;
  }

  /** Append one token. */
  push(id: number): void {
    let low = Math.imul(this.#low ^ id, 0x9e3779b1);
    low ^= low >>> 15;
    this.#low = low;
    this.#high = Math.imul((this.#high << 7 | this.#high >>> 25) + id, 0x85ebca6b);
    this.#last = id;
    const byte = byteOf(id);
    if (byte === undefined || byte < 0x80) {
      if (this.#missing > 0) this.#close();
      return;
    }
    this.#pushWide(byte);
  }

  /** Append many tokens. */
  pushAll(ids: TokenIds): void {
    for (const id of ids) this.push(id);
  }

  /** A fingerprint of the whole sequence, as two unsigned 32-bit words. */
  fingerprint(): readonly [low: number, high: number] {
    return [this.#low >>> 0, this.#high >>> 0];
  }

  /**
   * The token the model says comes next; does not append it.
   * @param banned Ids it must not choose, e.g. EOS before `min_tokens`.
   */
  predict(banned?: ReadonlySet<number>): number {
    for (let attempt = 0; attempt < 64; attempt++) {
      const id = this.#choose(attempt);
      if (banned === undefined || !banned.has(id)) return id;
    }
    return pick(SPACED_WORDS, this.#draw(64));
  }

  /** A token that belongs to no text: what attention over unwritten KV would give. */
  predictGarbage(): number {
    return pick(GARBAGE, this.#draw(1));
  }

  /** The log-probability of `id` coming next, in (-8, 0]; a function of the sequence alone. */
  logprob(id: number): number {
    return -((this.#draw(id + 100) % 8000) / 1000);
  }

  /** Some token that might come next; ranks may repeat one another. */
  alternative(rank: number): number {
    return pick(SPACED_WORDS, this.#draw(1000 + rank));
  }

  #choose(attempt: number): number {
    const draw = this.#draw(attempt);
    if (this.#missing > 0) return BYTE_BASE + this.#continuation(draw);
    const last = this.#last;
    const odds = draw >>> 8;
    if (last < 0 || isSpecial(last) || last === NEWLINE) {
      return odds % ODDS.eos === 0 ? EOS : pick(START_WORDS, draw);
    }
    if (last === PERIOD) {
      if (odds % ODDS.eosAfterSentence === 0) return EOS;
      if (odds % ODDS.newline === 1) return NEWLINE;
      return pick(SPACED_START_WORDS, draw);
    }
    if (last === COMMA) return pick(SPACED_WORDS, draw);
    if (odds % ODDS.eos === 0) return EOS;
    if (odds % ODDS.period === 1) return PERIOD;
    if (odds % ODDS.comma === 2) return COMMA;
    if (odds % ODDS.wide === 3) {
      const char = WIDE_CHARS[draw % WIDE_CHARS.length];
      return BYTE_BASE + (char?.[0] ?? 0x2e);
    }
    return pick(SPACED_WORDS, draw);
  }

  #continuation(draw: number): number {
    const open = this.#open;
    const fits = WIDE_CHARS.filter((char) =>
      char.length > open.length && open.every((byte, index) => char[index] === byte)
    );
    const char = fits[draw % Math.max(fits.length, 1)];
    const known = char?.[open.length];
    if (known !== undefined) return known;
    // 0x90..0x9f continues every lead byte but 0xe0, which needs 0xa0 at least, and 0xf4.
    if (open.length === 1 && open[0] === 0xe0) return 0xa0 + draw % 0x20;
    if (open.length === 1 && open[0] === 0xf4) return 0x80 + draw % 0x10;
    return 0x90 + draw % 0x10;
  }

  #pushWide(byte: number): void {
    if (byte >= 0xc2 && byte <= 0xf4) {
      this.#open = [byte];
      this.#missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    } else if (byte < 0xc0 && this.#missing > 0) {
      this.#open.push(byte);
      if (--this.#missing === 0) this.#open = [];
    } else {
      this.#close();
    }
  }

  #close(): void {
    this.#open = [];
    this.#missing = 0;
  }

  #draw(salt: number): number {
    let mixed = this.#low ^ Math.imul(this.#high, 0x2c1b3c6d) ^ Math.imul(salt, 0x297a2d39);
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  }
}

function pick(range: IdRange, draw: number): number {
  return range.first + draw % range.count;
}
