/** Digests of short texts. @module */
import { createHash } from "node:crypto";

/** The SHA-256 of UTF-8 `text`, in 64 lower-case hexadecimal digits. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
