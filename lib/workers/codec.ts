/** Payloads of frames: numbers, and records as JSON. Both ends are of one version. @module */
import { decodeUtf8, encodeUtf8, RouterError } from "../base/mod.ts";

/** `value`, 0 to 2^32-1, in four bytes. */
export function encodeNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** The number that `bytes` begin with. Throws `RouterError` where there is none. */
export function numberIn(bytes: Uint8Array): number {
  if (bytes.length < 4) throw new RouterError("internal", "Cannot read a number from a link");
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
}

/** `value`, which JSON can say, as bytes. */
export function encodeJson(value: unknown): Uint8Array {
  return encodeUtf8(JSON.stringify(value));
}

/**
 * What was encoded. The other end is this program, started by this one, over a socket that nobody else
 * has: its records are of the form that it says.
 */
export function decodeJson<T>(bytes: Uint8Array): T {
  return JSON.parse(decodeUtf8(bytes)) as T;
}
