/** The header of an answer that is made of several engines' answers. @module */
import { forwardResponseHeaders, type HeaderField } from "../upstream/mod.ts";
import type { Answer } from "./answer.ts";

/** Fields that describe a leg's own body, which is not the client's. */
const BODY_FIELDS = new Set(["content-type", "content-length", "content-encoding", "etag"]);

/** The legs' end-to-end fields, earlier legs first, under the answer's own content type. */
export function answerHeaders(
  contentType: string,
  ...legs: readonly (readonly HeaderField[])[]
): Answer["headers"] {
  const fields: (readonly [string, string])[] = [["content-type", contentType]];
  if (contentType.startsWith("text/event-stream")) fields.push(["cache-control", "no-cache"]);
  for (const leg of legs) {
    const known = new Set(fields.map(([name]) => name.toLowerCase()));
    for (const [name, value] of forwardResponseHeaders(leg)) {
      const lower = name.toLowerCase();
      if (!BODY_FIELDS.has(lower) && !known.has(lower)) fields.push([name, value]);
    }
  }
  return fields;
}
