/**
 * JSON values as engines' servers take them for a field's type: pydantic's lax mode, which reads
 * `"true"` and 1 as true, and `"16"`, 16.0 and true as whole numbers.
 *
 * Source: pydantic's conversion table, and its core's `str_as_bool` and `str_as_int`
 * (`pydantic-core/src/input/shared.rs`); compared with pydantic 2.13.
 * @module
 */

const BOOLEANS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ...[true, 1, "1", "t", "true", "y", "yes", "on"].map((each) => [each, true] as const),
  ...[false, 0, "0", "f", "false", "n", "no", "off"].map((each) => [each, false] as const),
]);

/** What `value` means as a truth value; undefined for what engines refuse. */
export function laxBool(value: unknown): boolean | undefined {
  return BOOLEANS.get(typeof value === "string" ? lowered(value) : value);
}

/** In lower case, but for letters beyond ASCII, some of which have a lower case within. */
function lowered(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Longest text that is read as a number, in characters. */
const MAX_TEXT = 4_300;

const WHOLE = /^\p{White_Space}*([+-]?)(\d+(?:_\d+)*)(?:\.0+)?\p{White_Space}*$/u;

/**
 * What `value` means as a whole number; undefined for what engines refuse, and for numbers too
 * large to be told apart, of which no field here takes any.
 */
export function laxInt(value: unknown): number | undefined {
  const number = typeof value === "string"
    ? intOf(value)
    : typeof value === "boolean"
    ? Number(value)
    : value;
  // No field tells -0 from 0.
  return typeof number === "number" && Number.isSafeInteger(number) ? number + 0 : undefined;
}

function intOf(text: string): number | undefined {
  if (text.length > MAX_TEXT) return undefined;
  const [, sign, digits] = WHOLE.exec(text) ?? [];
  return digits === undefined ? undefined : Number(`${sign}${digits.replaceAll("_", "")}`);
}
