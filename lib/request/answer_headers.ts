/** The header of an answer that is made of several engines' answers. @module */
import { forwardResponseHeaders, type HeaderField } from "../upstream/mod.ts";
import type { Answer } from "./answer.ts";

/** Fields that describe a leg's own body, which is not the client's. */
const BODY_FIELDS = new Set(["content-type", "content-length", "content-encoding", "etag"]);

/** Whether one of the first `count` of `fields` is called `lower`. */
function hasAmong(fields: Answer["headers"], count: number, lower: string): boolean {
  for (let at = 0; at < count; at++) {
    if (fields[at]?.[0].toLowerCase() === lower) return true;
  }
  return false;
}

/** The legs' end-to-end fields, earlier legs first, under the answer's own content type. */
export function answerHeaders(
  contentType: string,
  ...legs: readonly (readonly HeaderField[])[]
): Answer["headers"] {
  const fields: (readonly [string, string])[] = [["content-type", contentType]];
  if (contentType.startsWith("text/event-stream")) fields.push(["cache-control", "no-cache"]);
  for (const leg of legs) {
    const earlier = fields.length;
    for (const field of forwardResponseHeaders(leg)) {
      const lower = field[0].toLowerCase();
      if (!BODY_FIELDS.has(lower) && !hasAmong(fields, earlier, lower)) fields.push(field);
    }
  }
  return fields;
}
