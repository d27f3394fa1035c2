/** Values of header fields that are lists. @module */

/** True if `token` (lower case) is an element of the comma-separated list `value`. */
export function hasToken(value: string, token: string): boolean {
  if (value.length === token.length) return value.toLowerCase() === token;
  return value.split(",").some((element) => element.trim().toLowerCase() === token);
}
