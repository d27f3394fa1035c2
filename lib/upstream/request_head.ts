/**
 * Writes requests: the head, and with it as much of the body as fits into the same write.
 *
 * Whatever would let a field value end its line, or a caller's field change the framing, is refused.
 * @module
 */
import { byteLength, type ByteParts, RouterError } from "../base/mod.ts";
import { HeadWriter, TARGET, TOKEN, VALUE } from "../http1/mod.ts";
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
  if (request.method === "CONNECT") throw refused(origin, "method", request.method);
  if (!request.path.startsWith("/")) throw refused(origin, "path", request.path);
  const size = headSizeBound(origin, request);
  const body = request.body ?? NO_PARTS;
  const writer = new HeadWriter(size <= scratch.length ? scratch : new Uint8Array(size));
  if (!writer.text(request.method, TOKEN)) throw refused(origin, "method", request.method);
  writer.literal(" ");
  writer.literal(origin.basePath);
  if (!writer.text(request.path, TARGET)) throw refused(origin, "path", request.path);
  writer.literal(" HTTP/1.1\r\nhost: ");
  writer.literal(origin.host);
  writer.literal("\r\n");
  for (const [name, value] of request.headers) {
    if (OWN_LENGTHS.has(name.length) && OWN_FIELDS.has(name.toLowerCase())) {
      throw refusedField(origin, name);
    }
    if (!writer.text(name, TOKEN)) throw refused(origin, "header name", name);
    writer.literal(": ");
    // The value is not repeated in the text: it may be a secret.
    if (!writer.text(value, VALUE)) throw refused(origin, "value of header", name);
    writer.literal("\r\n");
  }
  if (request.body !== undefined || WITH_CONTENT.has(request.method)) {
    writer.literal(`content-length: ${byteLength(body)}\r\n`);
  }
  writer.literal("\r\n");
  return withBody(writer, body);
}

const OWN_FIELDS: ReadonlySet<string> = new Set([...HOP_BY_HOP, "host", "content-length"]);

/** Most names are told apart by that alone. */
const OWN_LENGTHS: ReadonlySet<number> = new Set([...OWN_FIELDS].map((name) => name.length));

/** The head, and behind it the leading parts of `body` that fit. */
function withBody(writer: HeadWriter, body: ByteParts): EncodedRequest {
  const { bytes } = writer;
  let copied = 0;
  for (const part of body) {
    if (part.length > bytes.length - writer.at) break;
    writer.copy(part);
    copied++;
  }
  const rest = copied === body.length ? NO_PARTS : body.slice(copied);
  return { first: bytes.subarray(0, writer.at), rest };
}

function refused(origin: Origin, what: string, text: string): RouterError {
  return new RouterError(
    "bad-request",
    `Cannot send to engine ${origin.url}: ${what} ${JSON.stringify(text)} is not valid in HTTP/1.1`,
  );
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
