/** JSON from outside, which may be malformed or another value than expected. @module */
import { decodeUtf8 } from "./bytes.ts";

/** What `read` gives; undefined where it finds malformed JSON (a `SyntaxError`). */
export function unlessMalformed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The value of `json`, text or its UTF-8 bytes; undefined when it is not exactly one JSON value. */
export function jsonOf(json: Uint8Array | string): unknown {
  return unlessMalformed(() => JSON.parse(typeof json === "string" ? json : decodeUtf8(json)));
}

/** The members of `value`, an object or a list; undefined for any other value, `null` included. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null
    ? value as Readonly<Record<string, unknown>>
    : undefined;
}
