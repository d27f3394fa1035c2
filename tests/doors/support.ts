/** Requests at a door, without a front. @module */
import { encodeUtf8 } from "../../lib/base/mod.ts";
import type { Visitor } from "../../lib/doors/mod.ts";
import { JsonObject } from "../../lib/openai/mod.ts";

/** Header fields by lower-case name. */
export function headersOf(fields: Readonly<Record<string, string>>): Visitor["headers"] {
  const map = new Map(Object.entries(fields));
  return { get: (name) => map.get(name), [Symbol.iterator]: () => map.entries() };
}

/** A request from `hostname`. */
export function visitor(
  fields: Readonly<Record<string, string>> = {},
  hostname = "192.0.2.1",
  method = "POST",
): Visitor {
  return { method, headers: headersOf(fields), remote: { hostname } };
}

/** A request's body. */
export function bodyOf(value: unknown): JsonObject {
  return new JsonObject(encodeUtf8(JSON.stringify(value)));
}
