/** The answer of a hook, out of the platform's `Response`. @module */
import { concatBytes } from "../base/mod.ts";
import type { Answer } from "../request/mod.ts";
import { forwardResponseHeaders } from "../upstream/mod.ts";

/** Largest answer that a hook may give, in bytes. */
const MAX_BYTES = 1024 * 1024;

/** `given` as an answer; rejects with `TypeError` where it is no response, and where it is too large. */
export async function answerOfResponse(given: unknown): Promise<Answer & { body: Uint8Array }> {
  if (!(given instanceof Response)) {
    throw new TypeError(`it gave a ${typeof given}, neither a Response nor nothing`);
  }
  const { status, headers, body } = given;
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body ?? []) {
    length += part.length;
    if (length > MAX_BYTES) throw new TypeError(`its answer has more than ${MAX_BYTES} bytes`);
    parts.push(part);
  }
  return { status, headers: forwardResponseHeaders([...headers]), body: concatBytes(parts) };
}
