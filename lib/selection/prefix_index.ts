/** Which engine has met which beginnings of prompts. @module */
import { EngineSlots } from "./engine_slots.ts";
import { PrefixNode } from "./prefix_node.ts";

/**
 * Nodes of one prompt, of which conversations have a few: what is behind them is not remembered. Prompts
 * that part from one another at each chunk would cost milliseconds else.
 */
const MAX_DEPTH = 128;

/** A walk along a prompt as far as it is known. */
interface Walk {
  /** The nodes, the first of a prompt first. */
  readonly path: readonly PrefixNode[];
  /** Chunks that are known, and how many of them stand in the last node. */
  readonly known: number;
  readonly inLast: number;
}

/**
 * A trie over the chunks of prompts, whose chains are single nodes. Bounded in bytes: of the ends of
 * prompts the one is dropped that was used longest ago. Holders of a node hold its parent too.
 */
export class PrefixIndex {
  readonly #maxBytes: number;
  readonly #slots = new EngineSlots();
  /** By the hash of their first chunk, which tells all that is before it. */
  readonly #nodes = new Map<number, PrefixNode>();
  #newest: PrefixNode | undefined;
  #oldest: PrefixNode | undefined;
  #bytes = 0;
  /** By slot; kept, as every choice needs one. */
  #depths = new Int32Array(0);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** About how much memory is in use. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many nodes, and engines, there are. */
  get size(): number {
    return this.#nodes.size;
  }

  get engines(): number {
    return this.#slots.size;
  }

  /** How many of `chunks`, from the first on, each engine has met. Holds until the next call. */
  look(chunks: Float64Array): (id: string) => number {
    if (this.#depths.length < this.#slots.end) this.#depths = new Int32Array(2 * this.#slots.end);
    const depths = this.#depths;
    depths.fill(0, 0, this.#slots.end);
    const { path, known, inLast } = this.#walk(chunks);
    const told: number[] = [];
    let depth = known;
    for (let at = path.length - 1; at >= 0; at--) {
      const node = path[at];
      node?.tell(depth, depths, told);
      depth -= at === path.length - 1 ? inLast : node?.chunks.length ?? 0;
    }
    return (id) => {
      const slot = this.#slots.find(id);
      return slot === undefined ? 0 : depths[slot] ?? 0;
    };
  }

  /** The engine `id` meets `chunks`. How many of them, from the first on, it had met before. */
  add(id: string, chunks: Float64Array): number {
    if (chunks.length === 0) return 0;
    const slot = this.#slots.give(id);
    const { path, known, inLast } = this.#walk(chunks);
    let had = 0;
    /** The node that ends where the walk does. */
    let last: PrefixNode | undefined;
    for (const [at, node] of path.entries()) {
      const isLast = at === path.length - 1;
      const met = isLast && inLast < node.chunks.length ? this.#split(node, inLast) : node;
      last = met;
      if (met.has(slot)) had += met.chunks.length;
      else this.#resize(met, () => met.add(slot));
    }
    const rest = chunks.slice(known);
    const leaf = rest.length === 0 || path.length === MAX_DEPTH
      ? last
      : this.#extend(last, rest, slot);
    // The nearest to the root is the newest: whatever is oldest has nothing behind it.
    for (let node = leaf; node !== undefined; node = node.parent) this.#touch(node);
    while (this.#bytes > this.#maxBytes && this.#oldest !== undefined) this.#remove(this.#oldest);
    return had;
  }

  /** Nothing of the engine `id` is kept. */
  forget(id: string): void {
    const slot = this.#slots.forget(id);
    if (slot === undefined) return;
    for (const node of this.#nodes.values()) if (node.drop(slot)) this.#remove(node);
  }

  #walk(chunks: Float64Array): Walk {
    const path: PrefixNode[] = [];
    let known = 0;
    let inLast = 0;
    while (known < chunks.length && path.length < MAX_DEPTH) {
      const node = this.#nodes.get(chunks[known] ?? NaN);
      if (node === undefined) break;
      inLast = common(node.chunks, chunks, known);
      path.push(node);
      known += inLast;
      if (inLast < node.chunks.length) break;
    }
    return { path, known, inLast };
  }

  /** Have a node end behind its first `count` chunks; the rest goes on as its child. */
  #split(node: PrefixNode, count: number): PrefixNode {
    const upper = new PrefixNode(node.parent, node.chunks.slice(0, count), node.copyHolders());
    this.#resize(node, () => {
      node.chunks = node.chunks.slice(count);
      node.parent = upper;
    });
    upper.children = 1;
    this.#put(upper);
    this.#nodes.set(node.chunks[0] ?? NaN, node);
    return upper;
  }

  /** Chunks that nobody has met behind `last`. */
  #extend(last: PrefixNode | undefined, rest: Float64Array, slot: number): PrefixNode {
    // A conversation that goes on where it was needs no node for each turn.
    if (last !== undefined && last.children === 0 && last.isOnlyOf(slot)) {
      this.#resize(last, () => last.chunks = joined(last.chunks, rest));
      return last;
    }
    const node = new PrefixNode(last, rest);
    node.add(slot);
    if (last !== undefined) last.children++;
    this.#put(node);
    return node;
  }

  #put(node: PrefixNode): void {
    this.#nodes.set(node.chunks[0] ?? NaN, node);
    this.#bytes += node.bytes;
  }

  #remove(node: PrefixNode): void {
    this.#nodes.delete(node.chunks[0] ?? NaN);
    this.#bytes -= node.bytes;
    if (node.parent !== undefined) node.parent.children--;
    this.#unlink(node);
  }

  #resize(node: PrefixNode, change: () => void): void {
    this.#bytes -= node.bytes;
    change();
    this.#bytes += node.bytes;
  }

  #touch(node: PrefixNode): void {
    if (node === this.#newest) return;
    this.#unlink(node);
    node.older = this.#newest;
    if (this.#newest !== undefined) this.#newest.newer = node;
    this.#newest = node;
    this.#oldest ??= node;
  }

  #unlink(node: PrefixNode): void {
    const { newer, older } = node;
    if (newer !== undefined) newer.older = older;
    else if (this.#newest === node) this.#newest = older;
    if (older !== undefined) older.newer = newer;
    else if (this.#oldest === node) this.#oldest = newer;
    node.newer = node.older = undefined;
  }
}

/** How many chunks of a node `chunks` have in common with it from `from` on; where one does, all before do. */
function common(node: Float64Array, chunks: Float64Array, from: number): number {
  let low = 0;
  let high = Math.min(node.length, chunks.length - from);
  if (high > 0 && node[high - 1] === chunks[from + high - 1]) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (node[middle] === chunks[from + middle]) low = middle + 1;
    else high = middle;
  }
  return low;
}

function joined(one: Float64Array, other: Float64Array): Float64Array {
  const both = new Float64Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
