/** Whole answers, read without being copied over and over. @module */
import { GrowingBytes, RouterError } from "../base/mod.ts";
import type { UpstreamResponse } from "../upstream/mod.ts";

/**
 * The whole of an answer's body: a view of memory that may be resizable, so copy what goes out. Rejects
 * as reading the response does, and with `upstream-protocol` beyond `limitBytes`.
 */
export async function readWhole(
  response: UpstreamResponse,
  limitBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const held = new GrowingBytes(limitBytes, announcedBytes(response));
  for (let more = await response.read(); more !== undefined; more = await response.read()) {
    if (held.length + more.length > limitBytes) throw tooLarge(limitBytes);
    held.append(more);
  }
  return held.view();
}

/** How many bytes the body of an answer has, where that was announced. */
export function announcedBytes(response: Pick<UpstreamResponse, "header">): number | undefined {
  const length = Number(response.header("content-length") ?? NaN);
  return length > 0 ? length : undefined;
}

/** Read an answer that nobody wants to its end. Rejects as `readWhole`. */
export async function passOver(response: UpstreamResponse, limitBytes: number): Promise<void> {
  let passed = 0;
  for (let more = await response.read(); more !== undefined; more = await response.read()) {
    passed += more.length;
    if (passed > limitBytes) throw tooLarge(limitBytes);
  }
}

function tooLarge(limitBytes: number): RouterError {
  return new RouterError("upstream-protocol", `An answer exceeds ${limitBytes} bytes`);
}
