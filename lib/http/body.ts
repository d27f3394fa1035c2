/** Reads a request's body, bounded. @module */
import { concatBytes, RouterError } from "../base/mod.ts";
import type { FrontBody } from "../front/mod.ts";

/**
 * The whole body. Throws `body-too-large` beyond `limitBytes`, announced or come, and what reading it
 * rejects with. What is held grows with what has come, not with what was announced.
 */
export async function readBody(body: FrontBody, limitBytes: number): Promise<Uint8Array> {
  const { length } = body;
  if (length !== undefined && length > limitBytes) throw tooLarge(length, limitBytes);
  const parts: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const part = await body.read();
    if (part === undefined) return concatBytes(parts);
    total += part.length;
    if (total > limitBytes) throw tooLarge(total, limitBytes);
    parts.push(part);
  }
}

function tooLarge(bytes: number, limitBytes: number): RouterError {
  return new RouterError(
    "body-too-large",
    `The request body has at least ${bytes} bytes; at most ${limitBytes} are accepted ` +
      "(--max-request-bytes)",
  );
}
