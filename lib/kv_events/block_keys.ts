/**
 * Keys of blocks of tokens: each of all that comes before it too, so that two blocks with one key are
 * the same place of the same prompt. 64 bits, seeded; no secret, but chance alone makes none equal.
 * @module
 */
import { encodeUtf8 } from "../base/mod.ts";
import { extraOf } from "./kv_event.ts";

/** Halves of keys, as signed numbers: these are never made into objects. */
export type Halves = Int32Array;

/** The key that chains begin with, into `into`: of blocks of one size, made by one adapter. */
export function rootKey(seed: number, blockSize: number, lora: string, into: Halves): void {
  const name = extraOf(encodeUtf8(lora), seed);
  into[0] = mixed(name ^ blockSize);
  into[1] = mixed(name + Math.imul(seed | 1, 0x9e37_79b1));
}

/** vLLM's usual size of a block, in tokens. */
const USUAL = 16;

/** What a run of keys is made of. */
export interface KeyRun {
  readonly tokens: Int32Array;
  readonly blockSize: number;
  /** What each block is made of besides; or the first alone. */
  readonly extras: Uint32Array | number | undefined;
}

/** Where keys begin and end, and where they go. */
interface KeySpan {
  readonly from: number;
  readonly to: number;
}

/** The halves of keys, by block. */
interface KeyRoom {
  readonly low: Int32Array;
  readonly high: Int32Array;
}

/**
 * The keys of the blocks from `from` up to `to`, into `low` and `high`. `key` is that of the block before
 * them, and of the last of them afterwards.
 */
export function makeKeys(key: Halves, run: KeyRun, span: KeySpan, into: KeyRoom): void {
  const { tokens, blockSize, extras } = run;
  if (blockSize !== USUAL || typeof extras === "object") return makeAnyKeys(key, run, span, into);
  if (span.from === 0 && span.to > 0) key[0] = (key[0] as number) ^ (extras ?? 0);
  makeUsualKeys(key, tokens, span, into);
}

/** Of blocks of the usual size: this loop is all that a long prompt costs, so that nothing else is in it. */
function makeUsualKeys(
  key: Halves,
  tokens: Int32Array,
  { from, to }: KeySpan,
  { low, high }: KeyRoom,
): void {
  let one = key[0] as number;
  let two = key[1] as number;
  for (let block = from; block < to; block++) {
    const at = (block * USUAL) | 0;
    one = firstOf(one, tokens, at);
    two = secondOf(two, tokens, (at + 4) | 0);
    one = firstOf(one, tokens, (at + 8) | 0);
    two = secondOf(two, tokens, (at + 12) | 0);
    const first = firstMixed(one, two);
    two = secondMixed(one, two);
    one = first;
    low[block] = one;
    high[block] = two;
  }
  key[0] = one;
  key[1] = two;
}

/** Of blocks of any size, each made of whatever else. */
function makeAnyKeys(
  key: Halves,
  { tokens, blockSize, extras }: KeyRun,
  { from, to }: KeySpan,
  { low, high }: KeyRoom,
): void {
  const eights = blockSize & ~7;
  let one = key[0] as number;
  let two = key[1] as number;
  for (let block = from; block < to; block++) {
    let at = (block * blockSize) | 0;
    if (extras !== undefined) one ^= extraAt(extras, block);
    const whole = (at + eights) | 0;
    const end = (at + blockSize) | 0;
    for (; at < whole; at = (at + 8) | 0) {
      one = firstOf(one, tokens, at);
      two = secondOf(two, tokens, (at + 4) | 0);
    }
    for (; at < end; at++) {
      one = Math.imul(one ^ (tokens[at] as number), 0x0100_0193);
      two = Math.imul((two + (tokens[at] as number)) | 0, 0x85eb_ca6b);
    }
    const first = firstMixed(one, two);
    two = secondMixed(one, two);
    one = first;
    low[block] = one;
    high[block] = two;
  }
  key[0] = one;
  key[1] = two;
}

/** The first half of a block's key, of what its tokens came to. */
function firstMixed(one: number, two: number): number {
  const mixed = Math.imul(one + (two << 13 | two >>> 19), 0x85eb_ca6b);
  return mixed ^ mixed >>> 15;
}

/** The second half. */
function secondMixed(one: number, two: number): number {
  const mixed = Math.imul(two ^ (one << 17 | one >>> 15), 0xc2b2_ae35);
  return mixed ^ mixed >>> 15;
}

/** Four tokens from `at` into the first half of a key. */
function firstOf(half: number, tokens: Int32Array, at: number): number {
  const sum = ((Math.imul(half ^ (tokens[at] as number), 0x0100_0193) +
        Math.imul(tokens[at + 1] as number, 0x9e37_79b1)) |
        0) +
      ((Math.imul(tokens[at + 2] as number, 0x7feb_352d) +
        Math.imul(tokens[at + 3] as number, 0x68bc_21eb)) |
        0) |
    0;
  return sum ^ sum >>> 15;
}

/** As `firstOf`, into the second half. */
function secondOf(half: number, tokens: Int32Array, at: number): number {
  const sum = ((Math.imul(half ^ (tokens[at] as number), 0x85eb_ca6b) +
        Math.imul(tokens[at + 1] as number, 0xc2b2_ae35)) |
        0) +
      ((Math.imul(tokens[at + 2] as number, 0x27d4_eb2f) +
        Math.imul(tokens[at + 3] as number, 0x1656_67b1)) |
        0) |
    0;
  return sum ^ sum >>> 13;
}

function extraAt(extras: Uint32Array | number, block: number): number {
  if (typeof extras === "object") return extras[block] as number;
  return block === 0 ? extras : 0;
}

/** The keys of a prompt's blocks of one size, made as they are asked for. */
export class PromptKeys {
  /** How many whole blocks it has. */
  readonly count: number;
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly #run: KeyRun;
  readonly #key = new Int32Array(2);
  #made = 0;

  /** `extra` is what the first block is made of besides its tokens; 0 for nothing. */
  constructor(
    ids: Int32Array,
    { seed, blockSize, lora, extra }: {
      readonly seed: number;
      readonly blockSize: number;
      readonly lora: string;
      readonly extra: number;
    },
  ) {
    this.#run = { tokens: ids, blockSize, extras: extra === 0 ? undefined : extra };
    this.count = Math.floor(ids.length / blockSize);
    this.low = new Int32Array(this.count);
    this.high = new Int32Array(this.count);
    rootKey(seed, blockSize, lora, this.#key);
  }

  /** Make the keys up to that of `block`, which is below `count`. */
  upTo(block: number): void {
    if (block < this.#made) return;
    makeKeys(this.#key, this.#run, { from: this.#made, to: block + 1 }, this);
    this.#made = block + 1;
  }
}

/** All bits of `value` in each of the result. */
function mixed(value: number): number {
  let bits = value ^ (value >>> 16);
  bits = Math.imul(bits, 0x85eb_ca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2_ae35);
  return bits ^ (bits >>> 16);
}
