/** Digests of short texts. @module */
import { hash } from "node:crypto";

/** The SHA-256 of UTF-8 `text`, in 64 lower-case hexadecimal digits. */
export function sha256(text: string): string {
  return hash("sha256", text, "hex");
}

/** Whether two texts are the same, in a time that depends on their lengths alone. */
export function sameInConstantTime(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let at = 0; at < one.length; at++) difference |= one.charCodeAt(at) ^ other.charCodeAt(at);
  return difference === 0;
}
