/** Nodes of the index of prompts: stretches of chunks that no prompt parts from another within. @module */

/** Bits of a word of holders: V8 keeps integers of up to 31 bits in place. */
const WORD_BITS = 30;

/** What a node takes besides its chunks and holders, in bytes; measured, with its place in a map. */
const NODE_BYTES = 576;

/** Bytes of one chunk's hash, and of one word of holders. */
const NUMBER_BYTES = 8;

/** One stretch of chunks behind those of its parent, and who has met it. */
export class PrefixNode {
  parent: PrefixNode | undefined;
  /** Hashes of its chunks; each tells all chunks before it too. */
  chunks: Float64Array;
  /** Nodes whose parent it is. */
  children = 0;
  /** The nodes that were used next after it, and next before it. */
  newer: PrefixNode | undefined;
  older: PrefixNode | undefined;
  #holders: number[];

  constructor(parent: PrefixNode | undefined, chunks: Float64Array, holders: number[] = []) {
    this.parent = parent;
    this.chunks = chunks;
    this.#holders = holders;
  }

  /** About how much memory it takes. */
  get bytes(): number {
    return NODE_BYTES + NUMBER_BYTES * (this.chunks.length + this.#holders.length);
  }

  /** The same chunks' holders, for a node of its own. */
  copyHolders(): number[] {
    return [...this.#holders];
  }

  has(slot: number): boolean {
    const word = this.#holders[Math.floor(slot / WORD_BITS)] ?? 0;
    return (word & (1 << slot % WORD_BITS)) !== 0;
  }

  add(slot: number): void {
    const at = Math.floor(slot / WORD_BITS);
    while (this.#holders.length <= at) this.#holders.push(0);
    this.#holders[at] = (this.#holders[at] ?? 0) | (1 << slot % WORD_BITS);
  }

  /** Take `slot` out; whether nobody is left. */
  drop(slot: number): boolean {
    const at = Math.floor(slot / WORD_BITS);
    const word = this.#holders[at];
    if (word !== undefined) this.#holders[at] = word & ~(1 << slot % WORD_BITS);
    return this.#holders.every((each) => each === 0);
  }

  /** Whether `slot` is its only holder. */
  isOnlyOf(slot: number): boolean {
    const at = Math.floor(slot / WORD_BITS);
    return this.#holders.every((word, index) =>
      word === (index === at ? 1 << slot % WORD_BITS : 0)
    );
  }

  /** Set `depths` to `depth` for the holders that are not in `told`, in words as of holders, and put them in. */
  tell(depth: number, depths: Int32Array, told: number[]): void {
    for (let at = 0; at < this.#holders.length; at++) {
      const fresh = (this.#holders[at] ?? 0) & ~(told[at] ?? 0);
      if (fresh === 0) continue;
      told[at] = (told[at] ?? 0) | fresh;
      for (let word = fresh; word !== 0; word &= word - 1) {
        depths[at * WORD_BITS + 31 - Math.clz32(word & -word)] = depth;
      }
    }
  }
}
