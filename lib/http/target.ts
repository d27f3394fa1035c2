/** What a request's target says: which path, and which query. Pure. @module */
import { RouterError } from "../base/mod.ts";

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

/**
 * Take `target` apart, below `root` or not. Throws `bad-request` for one that is no path, or which not
 * all who read it would understand alike.
 */
export function parseTarget(target: string, root: string): Target {
  if (target.length > MAX_TARGET) throw odd("is too long");
  const [raw = "", ...queries] = target.split("?");
  if (!raw.startsWith("/")) throw odd("must be a path that begins with '/'");
  if (raw.includes("#")) throw odd("must not have a fragment");
  const decoded = decodePath(raw);
  if (ODD.test(decoded)) {
    throw odd("must not have '.' or '..' segments, backslashes or control characters");
  }
  // At the beginning alone: a model's id can be a path.
  const path = decoded.replace(/^\/+/, "/");
  return {
    path: withoutEnd(withoutRoot(path, root)),
    query: queries.length === 0 ? "" : `?${queries.join("?")}`,
  };
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
