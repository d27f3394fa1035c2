/** Characters that are put into inputs one by one. @module */

/** Decimal digits. */
export const DIGITS: readonly string[] = [..."0123456789"];

/** Hexadecimal digits, in lower case. */
export const HEX_DIGITS: readonly string[] = [...DIGITS, ..."abcdef"];
