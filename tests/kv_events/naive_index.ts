/** What an index should know, in the plainest way. @module */
import type { KvEvent, StoredBlocks } from "../../lib/kv_events/mod.ts";

interface NaiveBlock {
  readonly path: string;
  copies: number;
  readonly media: Set<string>;
}

/** One cache: blocks by hash, each with the text of all that it is made of. */
export class NaiveCache {
  #blocks = new Map<string, NaiveBlock>();

  apply(event: KvEvent): void {
    if (event.kind === "cleared") this.#blocks.clear();
    else if (event.kind === "stored") this.#add(event);
    else {
      for (let at = 0; at < event.hashes.length; at += 2) {
        const ends = `/${event.hashes[at]}:${event.hashes[at + 1]}`;
        const hash = [...this.#blocks.keys()].find((key) => key.endsWith(ends));
        if (hash !== undefined) this.#remove(hash, event.medium);
      }
    }
  }

  get size(): number {
    return this.#blocks.size;
  }

  /** Tokens of a prompt that are cached. */
  cached(ids: Int32Array, blockSize: number, lora: string, extra = 0): number {
    const paths = new Set([...this.#blocks.values()].map(({ path }) => path));
    let path = `${blockSize}/${lora}`;
    let blocks = 0;
    for (; (blocks + 1) * blockSize < ids.length; blocks++) {
      const tokens = ids.subarray(blocks * blockSize, (blocks + 1) * blockSize);
      path += `|${tokens.join()}#${blocks === 0 ? extra : 0}`;
      if (!paths.has(path)) break;
    }
    return blocks * blockSize;
  }

  #add({ hashes, parent, tokens, blockSize, medium, lora, extras }: StoredBlocks): void {
    const keyOf = (low: number | undefined, high: number | undefined): string =>
      `${blockSize}/${low}:${high}`;
    let path = `${blockSize}/${lora}`;
    if (parent !== undefined) {
      const before = this.#blocks.get(keyOf(parent[0], parent[1]));
      if (before === undefined) return;
      path = before.path;
    }
    for (let block = 0; block < hashes.length / 2; block++) {
      const part = tokens.subarray(block * blockSize, (block + 1) * blockSize);
      path += `|${part.join()}#${extras?.[block] ?? 0}`;
      const key = keyOf(hashes[2 * block], hashes[2 * block + 1]);
      const known = this.#blocks.get(key) ?? { path, copies: 0, media: new Set<string>() };
      if (medium === "GPU") known.copies++;
      else known.media.add(medium);
      this.#blocks.set(key, known);
    }
  }

  #remove(hash: string, medium: string): void {
    const block = this.#blocks.get(hash);
    if (block === undefined) return;
    if (medium !== "GPU") block.media.delete(medium);
    else block.copies = Math.max(0, block.copies - 1);
    if (block.copies > 0 || block.media.size > 0) return;
    // What is behind it cannot be reached any more.
    for (const [key, { path }] of this.#blocks) {
      if (path === block.path || path.startsWith(`${block.path}|`)) this.#blocks.delete(key);
    }
  }
}
