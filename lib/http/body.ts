/** Reads a request's body, bounded. @module */
import { concatBytes, RouterError } from "../base/mod.ts";

/**
 * The whole body. Throws `body-too-large` beyond `limitBytes`, and `client-gone` when the client
 * does not send all of it.
 */
export async function readBody(request: Request, limitBytes: number): Promise<Uint8Array> {
  const announced = Number(request.headers.get("content-length") ?? NaN);
  if (announced > limitBytes) throw tooLarge(announced, limitBytes);
  try {
    // An announced length is enforced by the server.
    if (!Number.isNaN(announced)) return await request.bytes();
    return await readUnannounced(request, limitBytes);
  } catch (cause) {
    if (cause instanceof RouterError) throw cause;
    throw new RouterError("client-gone", "The client did not send the whole body", { cause });
  }
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
