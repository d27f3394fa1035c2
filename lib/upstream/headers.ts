/**
 * Which header fields pass through a proxy, in both directions (RFC 9110 section 7.6.1).
 *
 * Pure, and one loop each: they run for every request.
 * @module
 */
import type { HeaderField } from "./client.ts";

/**
 * Fields that belong to one connection. `Proxy-Authorization` is among them because it is addressed
 * to this router, not to an engine; `Expect` because this router answers it.
 */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const REQUEST_DROPPED: ReadonlySet<string> = new Set([...HOP_BY_HOP, "content-length", "host"]);

const RESPONSE_DROPPED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  "content-length",
  "date",
  "server",
]);

/** A client's header fields under lower-case names. */
export interface RequestHeaders extends Iterable<HeaderField> {
  get(name: string): string | null | undefined;
}

/** What the caller of {@linkcode forwardRequestHeaders} may choose. */
export interface RequestHeaderOptions {
  /**
   * Keep `Accept-Encoding`. Leave it out where the router must read the response body, which an
   * engine behind a compressing proxy would otherwise compress.
   * @default {false}
   */
  readonly keepAcceptEncoding?: boolean;
  /**
   * Further fields to drop, by lower-case name.
   * @default none
   */
  readonly without?: ReadonlySet<string>;
}

/**
 * The fields of a client's request that go on to an engine, `Authorization` included. Dropped are
 * `Host`, `Content-Length`, the hop-by-hop fields and every field that `Connection` names.
 */
export function forwardRequestHeaders(
  headers: RequestHeaders,
  options: RequestHeaderOptions = {},
): HeaderField[] {
  const named = namedFields(headers.get("connection") ?? "");
  const { keepAcceptEncoding = false, without } = options;
  const kept: HeaderField[] = [];
  for (const field of headers) {
    const name = field[0];
    if (REQUEST_DROPPED.has(name) || named?.has(name) || without?.has(name)) continue;
    if (name === "accept-encoding" && !keepAcceptEncoding) continue;
    kept.push(field);
  }
  return kept;
}

/** What the caller of {@linkcode forwardResponseHeaders} may choose. */
export interface ResponseHeaderOptions {
  /**
   * Keep `Content-Length`: right where the body is handed on unchanged.
   * @default {false}
   */
  readonly keepContentLength?: boolean;
}

/**
 * The fields of an engine's response that go on to the client, in order and with every
 * `Set-Cookie`. Dropped are the hop-by-hop fields, those that `Connection` names, `Content-Length`,
 * and `Date` and `Server`, which this router's own server writes.
 */
export function forwardResponseHeaders(
  fields: readonly HeaderField[],
  options: ResponseHeaderOptions = {},
): [string, string][] {
  const keepContentLength = options.keepContentLength ?? false;
  const kept: [string, string][] = [];
  let connection = "";
  for (const [name, value] of fields) {
    const lower = name.toLowerCase();
    if (lower === "connection") connection = connection === "" ? value : `${connection},${value}`;
    if (RESPONSE_DROPPED.has(lower) && !(keepContentLength && lower === "content-length")) continue;
    kept.push([name, value]);
  }
  const named = namedFields(connection);
  return named === undefined ? kept : kept.filter(([name]) => !named.has(name.toLowerCase()));
}

/** Fields named by a `Connection` value beside its usual options; undefined for none. */
function namedFields(connection: string): ReadonlySet<string> | undefined {
  if (connection === "" || connection === "keep-alive" || connection === "close") return undefined;
  return new Set(connection.split(",").map((element) => element.trim().toLowerCase()));
}
