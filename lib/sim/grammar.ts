/**
 * Structured output: the text a grammar forces, from the output's first token on. The grammar of a
 * decode request starts anew there, whatever the prompt's end already shows.
 * @module
 */
import { badRequest } from "./api_error.ts";
import { isRecord, type JsonObject, objectOrEmpty } from "./json.ts";
import { objectField } from "./sampling.ts";
import { encodeText, type TokenIds } from "./tokenizer.ts";
import { invalidField } from "./validation.ts";

/** Deepest nesting followed in a schema. */
const MAX_DEPTH = 16;

/** The forced output of a request, or undefined without a grammar. Throws a 400 on a bad one. */
export function grammarOf(body: JsonObject): TokenIds | undefined {
  const value = forcedValue(body);
  return value === undefined ? undefined : encodeText(value);
}

function forcedValue(body: JsonObject): string | undefined {
  const format = objectField(body, "response_format");
  if (format !== undefined) {
    const { type } = format;
    if (type === "json_object") return "{}";
    if (type === "json_schema") return forcedBySchema(format);
    if (type !== "text" && type !== "structural_tag") {
      const message = "Input should be 'text', 'json_object' or 'json_schema'";
      throw invalidField("literal_error", "response_format.type", message, type);
    }
  }
  const structured = objectOrEmpty(body["structured_outputs"]);
  const kinds = ["json", "regex", "choice"].filter((kind) => isThere(structured[kind]));
  if (kinds.length > 1) {
    throw badRequest(
      "You can only use one kind of constraints for structured outputs ('json', 'regex' or " +
        "'choice').",
      "structured_outputs",
    );
  }
  const schema = structured["json"] ?? body["guided_json"];
  if (isRecord(schema)) return JSON.stringify(minimalValue(schema, schema, 0));
  const choices = structured["choice"] ?? body["guided_choice"];
  if (!Array.isArray(choices)) return undefined;
  if (choices.length === 0) throw badRequest("Choice '[]' cannot be an empty list");
  return typeof choices[0] === "string" ? choices[0] : undefined;
}

function forcedBySchema(format: JsonObject): string {
  const given = format["json_schema"];
  if (!isThere(given)) {
    throw badRequest(
      "When response_format type is 'json_schema', the 'json_schema' field must be provided.",
      "response_format",
    );
  }
  const { schema } = objectOrEmpty(given);
  if (!isRecord(schema)) throw badRequest("Invalid JSON grammar specification.");
  return JSON.stringify(minimalValue(schema, schema, 0));
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** A small value that fits `schema`; covers the common keywords of JSON Schema. */
export function minimalValue(schema: JsonObject, root: JsonObject, depth: number): unknown {
  if (depth > MAX_DEPTH) return null;
  const reference = schema["$ref"];
  if (typeof reference === "string") {
    return minimalValue(resolveReference(reference, root), root, depth + 1);
  }
  if (Object.hasOwn(schema, "const")) return schema["const"];
  const values = schema["enum"];
  if (Array.isArray(values) && values.length > 0) return values[0];
  for (const key of ["anyOf", "oneOf", "allOf"]) {
    const options = schema[key];
    if (Array.isArray(options) && isRecord(options[0])) {
      return minimalValue(options[0], root, depth + 1);
    }
  }
  const type = schema["type"];
  return valueOfType(Array.isArray(type) ? type[0] : type, schema, root, depth);
}

function valueOfType(type: unknown, schema: JsonObject, root: JsonObject, depth: number): unknown {
  switch (type) {
    case "string":
      return "a".repeat(sizeOf(schema, "minLength"));
    case "integer":
    case "number": {
      const minimum = schema["minimum"];
      return typeof minimum === "number" ? Math.ceil(minimum) : 0;
    }
    case "boolean":
      return true;
    case "array": {
      const item = minimalValue(objectOrEmpty(schema["items"]), root, depth + 1);
      return new Array<unknown>(sizeOf(schema, "minItems")).fill(item);
    }
    case "null":
      return null;
    default:
      return type === "object" || isRecord(schema["properties"])
        ? objectOf(schema, root, depth)
        : {};
  }
}

function objectOf(schema: JsonObject, root: JsonObject, depth: number): JsonObject {
  const properties = objectOrEmpty(schema["properties"]);
  const required = schema["required"];
  const names = Array.isArray(required) ? required.map(String) : Object.keys(properties);
  return Object.fromEntries(
    names.map((name) => [name, minimalValue(objectOrEmpty(properties[name]), root, depth + 1)]),
  );
}

function sizeOf(schema: JsonObject, key: string): number {
  const value = schema[key];
  return typeof value === "number" && value > 0 ? Math.min(value, 1000) : 0;
}

function resolveReference(reference: string, root: JsonObject): JsonObject {
  let target: unknown = root;
  for (const part of reference.replace(/^#\/?/, "").split("/")) {
    if (part !== "") target = objectOrEmpty(target)[part];
  }
  return objectOrEmpty(target);
}
