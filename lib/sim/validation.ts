/**
 * Refusals of a body's form, as FastAPI and pydantic word them.
 * Source: vLLM `entrypoints/serve/exception_handling/handlers/validation.py`.
 * @module
 */
import { ApiError } from "./api_error.ts";
import { isRecord } from "./json.ts";

/** One complaint about a body. */
export interface FieldProblem {
  /** pydantic's name of the problem, e.g. `int_parsing`. */
  readonly type: string;
  /** Where, behind `body`; the body itself when empty. */
  readonly at: string;
  readonly message: string;
  readonly input: unknown;
  /** More of pydantic's account of it, as Python writes it. */
  readonly context?: string;
}

/** Longest text of a value shown. */
const MAX_INPUT = 200;

/** The 400 of a body of the wrong form. */
export function invalidBody(problems: readonly FieldProblem[]): ApiError {
  const lines = problems.map(({ type, at, message, input, context }) =>
    `  {'type': '${type}', 'loc': '${placeOf(at)}', 'msg': ${quoted(message)}, ` +
    `'input': ${quoted(inputText(input))}${context === undefined ? "" : `, 'ctx': {${context}}`}}`
  );
  const [first] = problems;
  const text = `${problems.length} validation error${problems.length === 1 ? "" : "s"}:\n`;
  return new ApiError(400, "Bad Request", text + lines.join("\n"), placeOf(first?.at ?? ""));
}

/** The 400 of one field with the wrong form. */
export function invalidField(
  type: string,
  at: string,
  message: string,
  input: unknown,
): ApiError {
  return invalidBody([{ type, at, message, input }]);
}

/** The 400 of a required field that is absent. */
export function missingField(at: string, within: unknown): ApiError {
  return invalidField("missing", at, "Field required", within);
}

/** The 400 of a request whose media type is not JSON. */
export function wrongMediaType(): ApiError {
  const message = "Unsupported Media Type: Only 'application/json' is allowed";
  return new ApiError(400, "Bad Request", `1 validation error:\n  ${message}`);
}

function placeOf(at: string): string {
  return at === "" ? "body" : `body.${at}`;
}

function inputText(input: unknown): string {
  if (input === null || input === undefined) return "None";
  if (Array.isArray(input)) return `<list of ${input.length} items>`;
  if (isRecord(input)) return `<dict of ${Object.keys(input).length} items>`;
  const text = typeof input === "boolean" ? (input ? "True" : "False") : String(input);
  return text.length > MAX_INPUT ? `${text.slice(0, MAX_INPUT)}...[truncated]` : text;
}

/** Text as Python's `repr` quotes it. */
function quoted(text: string): string {
  return text.includes("'") && !text.includes('"')
    ? `"${text}"`
    : `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
