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
