/** What a request's target says: which path, and which query. Pure. @module */
import { RouterError } from "../base/mod.ts";
import type { FrontRequest } from "../front/mod.ts";

/** A target, taken apart. */
export interface Target {
  /** Without the root path, decoded, with one slash at its beginning and none at its end. */
  readonly path: string;
  /** As the client sent it, with its `?`; empty for none. */
  readonly query: string;
}

/** Longest target, in characters. */
const MAX_TARGET = 16 * 1024;

/** What a path may hold once it is decoded: nothing that another reader could take for a separator. */
// deno-lint-ignore no-control-regex
const ODD = /[\x00-\x1f\x7f\\]|(?:^|\/)\.\.?(?:\/|$)/;

/** A name, an IPv4 or a bracketed IPv6 address, and a port. Source: RFC 9110 section 7.2. */
const HOST = /^(?:[\w.~!$&'()*+,;=%-]*|\[[\da-fA-F:.]+\])(?::(\d*))?$/;

/** The target of a request, below `root` or not; or why it is refused. */
export function targetOf(
  { target, headers }: Pick<FrontRequest, "target" | "headers">,
  root: string,
): Target | RouterError {
  const host = headers.get("host");
  // Whoever else reads such a field may take part of it for the target.
  if (host !== undefined && !isHost(host)) {
    return new RouterError("bad-request", "The request's 'Host' header is no host and port");
  }
  try {
    return parseTarget(target, root);
  } catch (error) {
    if (error instanceof RouterError) return error;
    throw error;
  }
}

function isHost(host: string): boolean {
  const parts = HOST.exec(host);
  return parts !== null && Number(parts[1] ?? "") <= 65_535;
}

/**
 * Take `target` apart, below `root` or not. Throws `bad-request` for one that is no path, or which not
 * all who read it would understand alike.
 */
export function parseTarget(target: string, root: string): Target {
  if (target.length > MAX_TARGET) throw odd("is too long");
  if (/[^\x21-\x7e]/.test(target)) throw odd("has characters that have to be encoded");
  if (target.includes("#")) throw odd("must not have a fragment");
  const [raw = "", ...queries] = target.split("?");
  if (!raw.startsWith("/")) throw odd("must be a path that begins with '/'");
  const decoded = decodePath(raw);
  if (ODD.test(decoded)) {
    throw odd("must not have '.' or '..' segments, backslashes or control characters");
  }
  const hidden = raw.search(/%2f/i);
  if (hidden >= 0 && !pathOf(decodePath(raw.slice(0, hidden)), root).startsWith(MODELS)) {
    throw odd("must not have an encoded '/' but in a model's id");
  }
  return {
    path: withoutEnd(pathOf(decoded, root)),
    query: queries.length === 0 ? "" : `?${queries.join("?")}`,
  };
}

/** Below this path stand ids of models, which may be paths themselves. */
const MODELS = "/v1/models/";

function pathOf(decoded: string, root: string): string {
  // At the beginning alone: a model's id can be a path.
  return withoutRoot(decoded.replace(/^\/+/, "/"), root);
}

function decodePath(raw: string): string {
  if (!raw.includes("%")) return raw;
  try {
    return decodeURIComponent(raw);
  } catch (cause) {
    throw odd("has a '%' that begins no encoded character", cause);
  }
}

function withoutRoot(path: string, root: string): string {
  if (root === "" || !path.startsWith(root)) return path;
  const rest = path.slice(root.length);
  return rest === "" || rest.startsWith("/") ? rest || "/" : path;
}

function withoutEnd(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

function odd(what: string, cause?: unknown): RouterError {
  return new RouterError("bad-request", `The request's target ${what}`, { cause });
}
