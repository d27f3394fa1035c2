/** Small helpers for byte sequences. @module */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A body or message in pieces, sent in order; lets a large body be spliced without being copied. */
export type ByteParts = readonly Uint8Array[];

/** UTF-8 bytes of `text`. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** Text of UTF-8 `bytes`; invalid sequences become U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Whether `part` stands in `bytes` at offset `at`; the empty part stands everywhere. */
export function startsWith(bytes: Uint8Array, part: Uint8Array, at = 0): boolean {
  if (part.length > bytes.length - at) return false;
  for (let index = 0; index < part.length; index++) {
    if (bytes[at + index] !== part[index]) return false;
  }
  return true;
}

/** The first offset from `from` on at which `part` stands in `bytes`; -1 for none, or an empty part. */
export function indexOfBytes(bytes: Uint8Array, part: Uint8Array, from = 0): number {
  const [first] = part;
  if (first === undefined) return -1;
  if (part.length < LEAST_SKIPPING) {
    // The native search for one byte passes over most of them.
    for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
      if (startsWith(bytes, part, at)) return at;
    }
    return -1;
  }
  return skippingTo(bytes, part, from);
}

/** Parts from this length on are looked for in steps of nearly as much. */
const LEAST_SKIPPING = 4;

/** By part, how far to go on from each byte that its last one is looked for at. */
const SKIPS = new WeakMap<Uint8Array, Uint8Array>();

function skipsOf(part: Uint8Array): Uint8Array {
  const last = part.length - 1;
  const skips = new Uint8Array(256).fill(Math.min(part.length, 255));
  // What stands nearer to the end is written over what stands before it.
  for (let at = Math.max(0, last - 255); at < last; at++) skips[part[at] ?? 0] = last - at;
  return skips;
}

/** Looks at few bytes only (Horspool's search). */
function skippingTo(bytes: Uint8Array, part: Uint8Array, from: number): number {
  let skips = SKIPS.get(part);
  if (skips === undefined) SKIPS.set(part, skips = skipsOf(part));
  const last = part.length - 1;
  const end = part[last];
  const { length } = bytes;
  for (let at = Math.max(0, from) + last; at < length;) {
    const byte = bytes[at] ?? 0;
    if (byte === end && startsWith(bytes, part, at - last)) return at - last;
    at += skips[byte] ?? 1;
  }
  return -1;
}

/** Total length of `parts`, in bytes. */
export function byteLength(parts: ByteParts): number {
  let total = 0;
  for (const part of parts) total += part.length;
  return total;
}

/** One buffer with the bytes of `parts` in order. A single part is returned as it is. */
export function concatBytes(parts: ByteParts): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const joined = new Uint8Array(byteLength(parts));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
