/** Which operation a request is for. Pure. @module */
import { RouterError } from "../base/mod.ts";
import type { Operation } from "./operation.ts";

/** A target, taken apart. */
export interface Routed {
  readonly operation: Operation;
  /** Decoded; empty where the path has none. */
  readonly id: string;
  /** Behind the `?`. */
  readonly query: string;
}

/** Longest target, in characters. */
const MAX_TARGET = 8 * 1024;

/**
 * What `method` on `target` asks for. An id is one segment, decoded once: a slash in it is written `%2F`.
 * Throws `bad-request`, `not-found`, `method-not-allowed`.
 */
export function routed(
  operations: readonly Operation[],
  method: string,
  target: string,
): Routed {
  if (target.length > MAX_TARGET) throw new RouterError("bad-request", "The target is too long");
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  const segments = path.split("/").slice(1);
  if (segments.length > 1 && segments.at(-1) === "") segments.pop();
  const there = operations.filter((operation) => fits(operation.path, segments));
  const [first] = there;
  if (first === undefined) throw unknown(path);
  const asked = method === "HEAD" ? "GET" : method;
  const operation = there.find((each) => each.method === asked);
  if (operation === undefined) throw notAllowed(method, first.path, there);
  const at = segmentsOf(operation.path).indexOf("{id}");
  const query = mark < 0 ? "" : target.slice(mark + 1);
  return { operation, id: at < 0 ? "" : decoded(segments[at] ?? ""), query };
}

function segmentsOf(path: string): readonly string[] {
  return path.split("/").slice(1);
}

function fits(path: string, segments: readonly string[]): boolean {
  const wanted = segmentsOf(path);
  return wanted.length === segments.length &&
    wanted.every((each, index) =>
      each === "{id}" ? segments[index] !== "" : each === segments[index]
    );
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    const message = "The path has a '%' that begins no encoded character";
    throw new RouterError("bad-request", message, { cause });
  }
}

function unknown(path: string): RouterError {
  const shown = path.slice(0, 200);
  const hint = path.startsWith("/admin/engines/")
    ? "; a '/' in an engine's id is written %2F"
    : "; GET /admin/openapi.json tells which there are";
  return new RouterError("not-found", `Unknown path '${shown}'${hint}`);
}

function notAllowed(method: string, path: string, there: readonly Operation[]): RouterError {
  const allowed = there.map((each) => each.method);
  const allow = allowed.flatMap((each) => each === "GET" ? ["GET", "HEAD"] : [each]).join(", ");
  const message = `Method ${method} is not allowed on '${path}': use ${allowed.join(" or ")}`;
  return new RouterError("method-not-allowed", message, { allow });
}
