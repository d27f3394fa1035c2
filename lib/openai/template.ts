/**
 * JSON around one text, for the events of a stream: nearly all of them differ in their text alone.
 * @module
 */
import { startsWith } from "../base/mod.ts";
import { JsonScanError, skipString } from "./json_scan.ts";

/** JSON with a place for text: what stands before it, its quote included, and what behind it. */
export interface Template {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/**
 * The inside of the JSON string that stands in the place for text, of which only the end has been
 * looked for: a view of `data`. Undefined when `data` is anything else than `template` with a text.
 */
export function textBetween({ before, after }: Template, data: Uint8Array): Uint8Array | undefined {
  const end = data.length - after.length;
  if (end < before.length || !startsWith(data, before) || !startsWith(data, after, end)) {
    return undefined;
  }
  try {
    return skipString(data, before.length - 1) === end + 1
      ? data.subarray(before.length, end)
      : undefined;
  } catch (error) {
    // No string ends where one should: the full parse will name the problem.
    if (error instanceof JsonScanError) return undefined;
    throw error;
  }
}
