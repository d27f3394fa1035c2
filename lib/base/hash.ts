/** A fast hash of texts, the same in every process; not for secrets. @module */

/** The FNV-1a of nothing. */
export const FNV_START = 0x811c9dc5;

/** Goes on from `hash`, the FNV-1a of what precedes `text`, over UTF-16 units. */
export function fnv1a(hash: number, text: string): number {
  let all = hash;
  for (let index = 0; index < text.length; index++) {
    all = Math.imul(all ^ text.charCodeAt(index), 0x01000193);
  }
  return all;
}

/** The final mix of murmur3: unsigned 32 bits. */
export function mix32(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return (twice ^ (twice >>> 16)) >>> 0;
}

/** FNV-1a with a final mix; unsigned 32 bits. */
export function hash32(text: string): number {
  return mix32(fnv1a(FNV_START, text));
}
