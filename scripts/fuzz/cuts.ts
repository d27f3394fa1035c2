/** Ways in which bytes arrive. @module */
import type { Random } from "../../lib/base/mod.ts";
import { below } from "./chance.ts";

/** Pieces at most: what is done for each is not what is looked for. */
const MAX_PIECES = 400;

/** `bytes` in pieces of their own, none empty: of a few bytes, of one, or cut in two. */
export function cut(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer>[] {
  const kind = below(random, 3);
  const least = Math.ceil(bytes.length / MAX_PIECES);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  if (kind === 0 && bytes.length > 1) {
    const at = 1 + below(random, bytes.length - 1);
    return [bytes.slice(0, at), bytes.slice(at)];
  }
  const most = kind === 1 ? 1 : 40;
  for (let at = 0; at < bytes.length;) {
    const size = least + below(random, most);
    pieces.push(bytes.slice(at, at + size));
    at += size;
  }
  return pieces;
}
