/** What one line of a batch's input asks for. Pure. @module */
import { errorCodeOf, OPEN_BRACE, type Sliced } from "../base/mod.ts";
import { fieldOf, JsonObject, JsonScanError, laxBool, shown } from "../openai/mod.ts";
import type { Stretch } from "./disk.ts";
import { type LineProblem, lineProblem } from "./problems.ts";

/** A line that asks for something. */
export interface LineAsk {
  readonly customId: string;
  /** Where the body is in the line. */
  readonly body: Stretch;
}

/** Longest `custom_id`, in characters. */
const MAX_ID = 512;

/** How lines and bodies are read: numbers as engines take them. */
const READING = { maxMembers: 1024, python: true } as const;

/** What `line` asks `endpoint` for, or what is wrong with it. */
export function* readingLine(
  line: Uint8Array,
  endpoint: string,
): Sliced<LineAsk | LineProblem> {
  try {
    return yield* readingObject(line, endpoint);
  } catch (error) {
    if (error instanceof JsonScanError) {
      return lineProblem(
        "invalid_json_line",
        `This line is not parseable as valid JSON: ${error.message}`,
      );
    }
    // A field that is malformed within, or too large to be one of these.
    if (errorCodeOf(error) === "bad-request" && error instanceof Error) {
      return lineProblem("invalid_json_line", error.message);
    }
    throw error;
  }
}

/** Whether a line was not as it should be. */
export function isProblem(read: LineAsk | LineProblem): read is LineProblem {
  return "code" in read;
}

function* readingObject(line: Uint8Array, endpoint: string): Sliced<LineAsk | LineProblem> {
  const object = yield* JsonObject.reading(line, READING);
  const customId = fieldOf(object, "custom_id");
  if (customId === undefined) return missing("custom_id");
  if (typeof customId !== "string" || customId === "" || customId.length > MAX_ID) {
    return lineProblem(
      "invalid_parameter",
      `'custom_id' must be a text of 1 to ${MAX_ID} characters`,
      "custom_id",
    );
  }
  const method = fieldOf(object, "method");
  if (method === undefined) return missing("method");
  if (method !== "POST") {
    return lineProblem(
      "invalid_method",
      `'method' must be 'POST', received ${shown(method)}`,
      "method",
    );
  }
  const url = fieldOf(object, "url");
  if (url === undefined) return missing("url");
  if (url !== endpoint) {
    const message =
      `The URL provided for this request does not match the batch endpoint '${endpoint}'`;
    return lineProblem("url_mismatch", message, "url");
  }
  const body = object.has("body") ? object.member("body") : undefined;
  if (body === undefined) return missing("body");
  return (yield* bodyProblem(line.subarray(body.start, body.end))) ??
    { customId, body: { start: body.start, end: body.end } };
}

function* bodyProblem(bytes: Uint8Array): Sliced<LineProblem | undefined> {
  if (bytes[0] !== OPEN_BRACE) {
    return lineProblem("invalid_parameter", "'body' must be an object", "body");
  }
  const body = yield* JsonObject.reading(bytes, READING);
  const stream = fieldOf(body, "stream");
  if (stream === undefined || laxBool(stream) === false) return undefined;
  return lineProblem(
    "stream_not_supported",
    "Requests of a batch are not streamed: leave 'stream' out",
    "body.stream",
  );
}

function missing(field: string): LineProblem {
  return lineProblem("missing_required_parameter", `Missing required parameter: '${field}'`, field);
}
