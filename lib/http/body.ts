/** Reads a request's body, bounded. @module */
import { concatBytes, RouterError } from "../base/mod.ts";

/** Up to this size the platform's own reading is the quickest; it copies larger bodies twice. */
const SMALL_BYTES = 64 * 1024;

/**
 * The whole body. Throws `body-too-large` beyond `limitBytes`, and `client-gone` when the client
 * does not send all of it.
 */
export async function readBody(request: Request, limitBytes: number): Promise<Uint8Array> {
  const announced = Number(request.headers.get("content-length") ?? NaN);
  if (announced > limitBytes) throw tooLarge(announced, limitBytes);
  try {
    if (Number.isNaN(announced)) return await readUnannounced(request, limitBytes);
    // An announced length is enforced by the server.
    return announced <= SMALL_BYTES
      ? await request.bytes()
      : await readInto(request, new Uint8Array(announced));
  } catch (cause) {
    if (cause instanceof RouterError) throw cause;
    throw new RouterError("client-gone", "The client did not send the whole body", { cause });
  }
}

async function readInto(request: Request, body: Uint8Array): Promise<Uint8Array> {
  let length = 0;
  for await (const part of request.body ?? []) {
    body.set(part, length);
    length += part.length;
  }
  return body.subarray(0, length);
}

async function readUnannounced(request: Request, limitBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const part of request.body ?? []) {
    total += part.length;
    if (total > limitBytes) throw tooLarge(total, limitBytes);
    parts.push(part);
  }
  return concatBytes(parts);
}

function tooLarge(bytes: number, limitBytes: number): RouterError {
  return new RouterError(
    "body-too-large",
    `The request body has at least ${bytes} bytes; at most ${limitBytes} are accepted ` +
      "(--max-request-bytes)",
  );
}
