/**
 * Text to token ids and back: byte level, greedy longest match, reversible for valid UTF-8.
 * @module
 */
import { decodeUtf8, encodeUtf8 } from "../base/mod.ts";
import { BOS, BYTE_BASE, byteOf, isSpecial, spelledTokens, VOCAB_SIZE } from "./vocabulary.ts";

/** Token ids in order. */
export type TokenIds = readonly number[];

const lossy = new TextDecoder("utf-8", { ignoreBOM: true });

interface Trie {
  /** Byte to column, 0 for bytes no spelled token contains. */
  readonly columns: Uint8Array;
  readonly width: number;
  /** `next[node * width + column]`, 0 for no child (the root is nobody's child). */
  readonly next: Uint16Array;
  /** Token id a node completes, or -1. */
  readonly accepts: Int16Array;
}

function buildTrie(): Trie {
  const columns = new Uint8Array(256);
  let width = 1;
  let nodes = 1;
  const spelled = spelledTokens().map(([text, id]) => [encodeUtf8(text), id] as const);
  for (const [bytes] of spelled) {
    nodes += bytes.length;
    for (const byte of bytes) if (columns[byte] === 0) columns[byte] = width++;
  }
  const next = new Uint16Array(nodes * width);
  const accepts = new Int16Array(nodes).fill(-1);
  let used = 1;
  for (const [bytes, id] of spelled) {
    let node = 0;
    for (const byte of bytes) {
      const at = node * width + (columns[byte] ?? 0);
      if (next[at] === 0) next[at] = used++;
      node = next[at] ?? 0;
    }
    accepts[node] = id;
  }
  return { columns, width, next, accepts };
}

const trie = buildTrie();

function buildBytes(): readonly Uint8Array[] {
  const table: Uint8Array[] = [];
  for (let id = 0; id < VOCAB_SIZE; id++) table.push(new Uint8Array(0));
  for (let byte = 0; byte < 256; byte++) table[BYTE_BASE + byte] = new Uint8Array([byte]);
  for (const [text, id] of spelledTokens()) table[id] = encodeUtf8(text);
  return table;
}

const tokenBytesTable = buildBytes();
const tokenTexts = tokenBytesTable.map((bytes) => decodeUtf8(bytes));

/** The bytes a token stands for; a special's are its spelling. Empty for an unknown id. */
export function tokenBytes(id: number): Uint8Array {
  return tokenBytesTable[id] ?? new Uint8Array(0);
}

/** The text of one token alone; a byte that is not a character by itself gives U+FFFD. */
export function tokenText(id: number): string {
  return tokenTexts[id] ?? "";
}

/** Ids of `text`. Spelled specials become their ids, as Hugging Face tokenizers do. */
export function encodeText(text: string, options: { readonly bos?: boolean } = {}): number[] {
  const ids: number[] = options.bos === true ? [BOS] : [];
  encodeBytes(encodeUtf8(text), ids);
  return ids;
}

/** Append the ids of `bytes` to `ids`. */
export function encodeBytes(bytes: Uint8Array, ids: number[]): void {
  const { columns, width, next, accepts } = trie;
  const end = bytes.length;
  let at = 0;
  while (at < end) {
    const first = bytes[at] ?? 0;
    let node = 0;
    let match = BYTE_BASE + first;
    let matchEnd = at + 1;
    for (let look = at; look < end; look++) {
      const column = columns[bytes[look] ?? 0] ?? 0;
      if (column === 0) break;
      node = next[node * width + column] ?? 0;
      if (node === 0) break;
      const id = accepts[node] ?? -1;
      if (id >= 0) {
        match = id;
        matchEnd = look + 1;
      }
    }
    ids.push(match);
    at = matchEnd;
  }
}

/** The bytes of `ids` in order, without those of special tokens if asked. */
export function decodeToBytes(ids: TokenIds, skipSpecial = false): Uint8Array {
  let length = 0;
  for (const id of ids) if (!(skipSpecial && isSpecial(id))) length += tokenBytes(id).length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const id of ids) {
    if (skipSpecial && isSpecial(id)) continue;
    const byte = byteOf(id);
    if (byte !== undefined) {
      bytes[at++] = byte;
    } else {
      const part = tokenBytes(id);
      bytes.set(part, at);
      at += part.length;
    }
  }
  return bytes;
}

/** The text of `ids`; incomplete UTF-8 gives U+FFFD. */
export function decodeIds(ids: TokenIds, skipSpecial = false): string {
  return lossy.decode(decodeToBytes(ids, skipSpecial));
}
