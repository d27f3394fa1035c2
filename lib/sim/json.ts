/** Small checks on parsed JSON. @module */

/** A parsed JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** True for a JSON object (not null, not a list). */
export function isRecord(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** True for a whole number a double holds exactly. */
export function isInteger(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value);
}

/** True for a list of token ids or ports: whole numbers of at least 0. */
export function isIdList(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => isInteger(item) && item >= 0);
}

/** The value as an object, or an empty one. */
export function objectOrEmpty(value: unknown): JsonObject {
  return isRecord(value) ? value : {};
}
