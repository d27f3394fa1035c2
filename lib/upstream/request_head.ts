/**
 * Writes requests: the head, and with it as much of the body as fits into the same write.
 *
 * Whatever would let a field value end its line, or a caller's field change the framing, is refused.
 * @module
 */
import { byteLength, type ByteParts, RouterError } from "../base/mod.ts";
import { CHARS, TARGET, TOKEN, VALUE } from "./chars.ts";
import type { UpstreamRequest } from "./client.ts";
import { HOP_BY_HOP } from "./headers.ts";
import type { Origin } from "./origin.ts";

/** A request as it goes onto the wire: `first`, then each of `rest`. */
export interface EncodedRequest {
  readonly first: Uint8Array<ArrayBuffer>;
  readonly rest: ByteParts;
}

const NO_PARTS: ByteParts = [];

/** Methods whose content is expected: without any, its length is stated (RFC 9110 section 8.6). */
const WITH_CONTENT = new Set(["POST", "PUT", "PATCH"]);

/**
 * Encodes `request`, using `scratch` for the first write if the head fits into it.
 *
 * Throws `RouterError`: `bad-request` for a method, path, field name or value that HTTP/1.1 cannot
 * carry; `internal` for a field that is the connection's own (framing, `Host`, hop-by-hop).
 */
export function encodeRequest(
  origin: Origin,
  request: UpstreamRequest,
  scratch: Uint8Array<ArrayBuffer>,
): EncodedRequest {
  const body = request.body ?? NO_PARTS;
  const writer = new HeadWriter(origin, request, scratch);
  writer.text(request.method, TOKEN, "method");
  writer.literal(" ");
  writer.literal(origin.basePath);
  writer.text(request.path, TARGET, "path");
  writer.literal(" HTTP/1.1\r\nhost: ");
  writer.literal(origin.host);
  writer.literal("\r\n");
  for (const [name, value] of request.headers) {
    if (OWN_FIELDS.has(name.toLowerCase())) throw refusedField(origin, name);
    writer.text(name, TOKEN, "header name");
    writer.literal(": ");
    writer.text(value, VALUE, "value of header", name);
    writer.literal("\r\n");
  }
  if (request.body !== undefined || WITH_CONTENT.has(request.method)) {
    writer.literal(`content-length: ${byteLength(body)}\r\n`);
  }
  writer.literal("\r\n");
  return writer.finish(body);
}

const OWN_FIELDS: ReadonlySet<string> = new Set([...HOP_BY_HOP, "host", "content-length"]);

class HeadWriter {
  readonly #origin: Origin;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(origin: Origin, request: UpstreamRequest, scratch: Uint8Array<ArrayBuffer>) {
    this.#origin = origin;
    if (request.method === "CONNECT") throw this.#refused("method", request.method);
    if (!request.path.startsWith("/")) throw this.#refused("path", request.path);
    const size = headSizeBound(origin, request);
    this.#bytes = size <= scratch.length ? scratch : new Uint8Array(size);
  }

  /** Text from outside: one byte per character, each of the given kind. */
  text(text: string, kind: number, what: string, name?: string): void {
    const bytes = this.#bytes;
    const length = text.length;
    let at = this.#at;
    if (length === 0 && kind === TOKEN) throw this.#refused(what, text);
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (((CHARS[code] ?? 0) & kind) === 0) throw this.#refused(what, name ?? text);
      bytes[at++] = code;
    }
    this.#at = at;
  }

  /** US-ASCII text of this program or of a parsed URL. */
  literal(text: string): void {
    const bytes = this.#bytes;
    const length = text.length;
    let at = this.#at;
    for (let i = 0; i < length; i++) bytes[at++] = text.charCodeAt(i);
    this.#at = at;
  }

  /** The head, and behind it the leading parts of `body` that fit. */
  finish(body: ByteParts): EncodedRequest {
    const bytes = this.#bytes;
    let copied = 0;
    for (const part of body) {
      if (part.length > bytes.length - this.#at) break;
      bytes.set(part, this.#at);
      this.#at += part.length;
      copied++;
    }
    const rest = copied === body.length ? NO_PARTS : body.slice(copied);
    return { first: bytes.subarray(0, this.#at), rest };
  }

  /** A value is not repeated in the text: it may be a secret. */
  #refused(what: string, text: string): RouterError {
    return new RouterError(
      "bad-request",
      `Cannot send to engine ${this.#origin.url}: ${what} ${
        JSON.stringify(text)
      } is not valid in HTTP/1.1`,
    );
  }
}

/** At least the size of the head in bytes; the constants cover what is between the texts. */
function headSizeBound(origin: Origin, request: UpstreamRequest): number {
  let size = 80 + request.method.length + origin.basePath.length + request.path.length +
    origin.host.length;
  for (const [name, value] of request.headers) size += name.length + value.length + 4;
  return size;
}

function refusedField(origin: Origin, name: string): RouterError {
  return new RouterError(
    "internal",
    `Cannot send header ${
      JSON.stringify(name)
    } to engine ${origin.url}: it is the connection's own`,
  );
}
