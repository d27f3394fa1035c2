/** What every JSON request has in common, read once at the edge. @module */
import { RouterError } from "../base/mod.ts";
import { JsonObject } from "./json_object.ts";
import { JsonScanError } from "./json_scan.ts";

/** A JSON request as the router needs it; the body stays as the client sent it. */
export interface ApiRequest {
  readonly body: JsonObject;
  /** As the client wrote it; aliases are resolved later. */
  readonly model: string;
  readonly stream: boolean;
}

/**
 * Read a request body.
 * Throws `bad-request` naming the field when it is not a JSON object with a string `model`.
 */
export function parseRequest(bytes: Uint8Array): ApiRequest {
  const body = parseBody(bytes);
  const model = fieldOf(body, "model");
  if (model === undefined) {
    throw new RouterError("bad-request", "Missing field 'model': name the model to use", {
      param: "model",
    });
  }
  if (typeof model !== "string" || model === "") {
    throw new RouterError(
      "bad-request",
      `Field 'model' must be a non-empty string, received ${JSON.stringify(model)}`,
      { param: "model" },
    );
  }
  const stream = fieldOf(body, "stream");
  if (stream !== undefined && typeof stream !== "boolean") {
    throw new RouterError(
      "bad-request",
      `Field 'stream' must be true or false, received ${JSON.stringify(stream)}`,
      { param: "stream" },
    );
  }
  return { body, model, stream: stream === true };
}

/**
 * The value of one small field, parsed; undefined when absent or `null`.
 * Throws `bad-request` when it is malformed.
 */
export function fieldOf(body: JsonObject, key: string): unknown {
  try {
    return body.value(key);
  } catch (cause) {
    throw new RouterError("bad-request", `Field '${key}' is not valid JSON`, { param: key, cause });
  }
}

function parseBody(bytes: Uint8Array): JsonObject {
  if (bytes.length === 0) {
    throw new RouterError("bad-request", "The request body is empty: send a JSON object");
  }
  try {
    return new JsonObject(bytes);
  } catch (cause) {
    if (!(cause instanceof JsonScanError)) throw cause;
    throw new RouterError("bad-request", `The request body is not a JSON object: ${cause.message}`);
  }
}
