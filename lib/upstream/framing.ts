/**
 * Where a response body ends, and whether its connection can serve another request
 * (RFC 9112 sections 6.3 and 9.3).
 *
 * In doubt it refuses: a body whose end two readers could see at different places is how
 * responses are mixed up.
 * @module
 */
import { hasToken, WireError } from "../http1/mod.ts";
import type { HeaderField } from "./client.ts";
import type { ResponseHead } from "./head.ts";

/** How the end of a body is found; `length` is in bytes and 0 where there is none. */
export type Framing =
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-close" };

/** The framing of one response, and whether the engine keeps the connection open after it. */
export interface ResponseFraming {
  readonly framing: Framing;
  readonly keepAlive: boolean;
}

/**
 * The framing of the response to a `method` request.
 *
 * Refused with `WireError`: `Transfer-Encoding` beside `Content-Length` or in HTTP/1.0, transfer
 * codings other than one `chunked`, lengths that are no number or differ from each other.
 */
export function responseFraming(method: string, head: ResponseHead): ResponseFraming {
  let length: number | undefined;
  let coding: string | undefined;
  // A minor version of 0 promises nothing; its keep-alive extension is not relied upon.
  let keepAlive = head.minor === 1;
  for (const [name, value] of head.headers) {
    switch (name.length) {
      case 10:
        if (name.toLowerCase() === "connection" && hasToken(value, "close")) keepAlive = false;
        break;
      case 14:
        if (name.toLowerCase() === "content-length") length = parseLength(value, length);
        break;
      case 17:
        if (name.toLowerCase() === "transfer-encoding") {
          coding = coding === undefined ? value : `${coding},${value}`;
        }
        break;
    }
  }
  if (method === "HEAD" || head.status === 204 || head.status === 304) {
    return { framing: { kind: "length", length: 0 }, keepAlive };
  }
  if (coding !== undefined) {
    if (length !== undefined) throw new WireError("both Transfer-Encoding and Content-Length");
    if (head.minor === 0) throw new WireError("Transfer-Encoding in an HTTP/1.0 response");
    if (coding.toLowerCase() !== "chunked") {
      throw new WireError(`unknown transfer coding ${JSON.stringify(coding)}`);
    }
    return { framing: { kind: "chunked" }, keepAlive };
  }
  if (length !== undefined) return { framing: { kind: "length", length }, keepAlive };
  return { framing: { kind: "until-close" }, keepAlive: false };
}

/** First value of the field `name` (lower case). */
export function findField(headers: readonly HeaderField[], name: string): string | undefined {
  for (const field of headers) {
    if (field[0].length === name.length && field[0].toLowerCase() === name) return field[1];
  }
  return undefined;
}

/** A list of equal lengths stands for one (RFC 9112 section 6.3, rule 5). */
function parseLength(value: string, known: number | undefined): number {
  let length = known;
  for (const element of value.includes(",") ? value.split(",") : [value]) {
    const digits = element.trim();
    const parsed = /^\d{1,16}$/.test(digits) ? Number(digits) : NaN;
    if (!Number.isSafeInteger(parsed)) {
      throw new WireError(`malformed Content-Length ${JSON.stringify(value)}`);
    }
    if (length !== undefined && length !== parsed) {
      throw new WireError(`contradicting Content-Length ${length} and ${parsed}`);
    }
    length = parsed;
  }
  // split() yields at least one element, so a number has been seen.
  return length ?? NaN;
}
