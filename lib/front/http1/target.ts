/** Request targets as handlers see them, and the authorities in them (RFC 9112 section 3.2). @module */
import { Refusal } from "./refusal.ts";

/** A name or an IPv4 address, or an IPv6 address in brackets; and a port. */
const AUTHORITY =
  /^(?:(?:[\w.~!$&'()*+,;=-]|%[\da-fA-F]{2})+|\[[\da-fA-F:.]*:[\da-fA-F:.]*\])(?::(\d*))?$/;

const MAX_PORT = 65_535;

/** Longest authority; a name has 255 characters at most. */
const MAX_AUTHORITY = 300;

const ABSOLUTE = /^https?:\/\/([^/?]*)/i;

/** Whether `text` is a host, with or without a port: no user, no path, not empty. */
export function isAuthority(text: string): boolean {
  if (text.length > MAX_AUTHORITY) return false;
  const parts = AUTHORITY.exec(text);
  return parts !== null && Number(parts[1] ?? "") <= MAX_PORT;
}

/**
 * Path and query of the target of a `method` request, or `*`. `target` is of visible US-ASCII
 * characters without a fragment. Throws `Refusal`.
 */
export function pathOf(method: string, target: string): string {
  if (method === "CONNECT") throw new Refusal(501, "the server is no tunnel");
  if (target.startsWith("/")) return target;
  if (target === "*" && method === "OPTIONS") return target;
  const [scheme, authority] = ABSOLUTE.exec(target) ?? [];
  if (scheme === undefined || authority === undefined || !isAuthority(authority)) {
    throw new Refusal(400, "the target is neither a path nor an http URL");
  }
  const path = target.slice(scheme.length);
  return path.startsWith("/") ? path : `/${path}`;
}
