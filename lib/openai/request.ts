/** What every JSON request has in common, read once at the edge. @module */
import { atOnce, RouterError, type Sliced } from "../base/mod.ts";
import { JsonObject } from "./json_object.ts";
import { JsonScanError, TooManyMembers } from "./json_scan.ts";
import { laxBool } from "./lax.ts";

/** A JSON request as the router needs it; the body stays as the client sent it. */
export interface ApiRequest {
  readonly body: JsonObject;
  /** As the client wrote it; aliases are resolved later. */
  readonly model: string;
  readonly stream: boolean;
}

/** What may be read into a request. */
export interface RequestOptions {
  /** The model meant where none is named. */
  readonly soleModel?: string | undefined;
  /**
   * Whether the endpoint knows a field `stream`: engines look at no other.
   * @default true
   */
  readonly streams?: boolean;
}

/** Fields of a request at most. */
const MAX_FIELDS = 1_024;

/** Longest value that is parsed here, in bytes: of a field that decides the way, which are small. */
const MAX_FIELD_BYTES = 64 * 1024;

/**
 * Read a request body. `bytes` are UTF-8.
 * Throws `bad-request` naming the field when it is not a JSON object with a string `model`.
 */
export function parseRequest(bytes: Uint8Array, options: RequestOptions = {}): ApiRequest {
  return atOnce(parsingRequest(bytes, options));
}

/** `parseRequest` in steps. */
export function* parsingRequest(
  bytes: Uint8Array,
  { soleModel, streams = true }: RequestOptions = {},
): Sliced<ApiRequest> {
  const body = yield* parsingBody(bytes);
  const model = fieldOf(body, "model");
  if (typeof model !== "string" && model !== undefined) {
    throw refused("model", `must be a non-empty string, received ${shown(model)}`);
  }
  // Engines take an empty name for none.
  const named = model === undefined || model === "" ? soleModel : model;
  if (named === undefined) {
    throw model === undefined
      ? new RouterError("bad-request", "Missing field 'model': name the model to use", {
        param: "model",
      })
      : refused("model", `must be a non-empty string, received ${shown(model)}`);
  }
  return { body, model: named, stream: streams && streamOf(body) };
}

function streamOf(body: JsonObject): boolean {
  const value = fieldOf(body, "stream");
  const stream = value === undefined ? false : laxBool(value);
  if (stream === undefined) {
    throw refused("stream", `must be true or false, received ${shown(value)}`);
  }
  return stream;
}

/**
 * The value of one small field, parsed; undefined when absent or `null`.
 * Throws `bad-request` when it is malformed, or has more than 64 KiB.
 */
export function fieldOf(body: JsonObject, key: string): unknown {
  const bytes = body.raw(key)?.length ?? 0;
  if (bytes > MAX_FIELD_BYTES) {
    throw refused(key, `has ${bytes} bytes; at most ${MAX_FIELD_BYTES} are accepted`);
  }
  try {
    return body.value(key);
  } catch (cause) {
    throw new RouterError("bad-request", `Field '${key}' is not valid JSON`, { param: key, cause });
  }
}

/** The error of a field that holds too many: `found` of `what`, of which `most` are accepted. */
export function tooMany(key: string, found: number, what: string, most: number): RouterError {
  return refused(key, `has at least ${found} ${what}; at most ${most} are accepted`);
}

function refused(key: string, what: string): RouterError {
  return new RouterError("bad-request", `Field '${key}' ${what}`, { param: key });
}

/** A client's value in a message is cut to so many characters. */
const SHOWN = 200;

/** A client's value as JSON, for a message. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}...`;
}

function* parsingBody(bytes: Uint8Array): Sliced<JsonObject> {
  if (bytes.length === 0) {
    throw new RouterError("bad-request", "The request body is empty: send a JSON object");
  }
  try {
    return yield* JsonObject.reading(bytes, { python: true, maxMembers: MAX_FIELDS });
  } catch (cause) {
    if (cause instanceof TooManyMembers) {
      throw new RouterError(
        "bad-request",
        `The request body has at least ${cause.found} fields; at most ${MAX_FIELDS} are accepted`,
      );
    }
    if (!(cause instanceof JsonScanError)) throw cause;
    throw new RouterError("bad-request", `The request body is not a JSON object: ${cause.message}`);
  }
}
