/** Error codes as numbers, which stay the same from one release to the next. @module */
import type { ErrorCode } from "../base/mod.ts";

const NUMBERS = {
  "internal": 0,
  "bad-request": 1,
  "body-too-large": 2,
  "unsupported-coding": 3,
  "unsupported-type": 4,
  "conflict": 5,
  "client-timeout": 6,
  "overloaded": 7,
  "unauthorized": 8,
  "forbidden": 9,
  "rate-limited": 10,
  "not-found": 11,
  "method-not-allowed": 12,
  "unknown-model": 13,
  "unknown-engine": 14,
  "no-engine": 15,
  "key-refused": 16,
  "tokenize-failed": 17,
  "prefill-failed": 18,
  "kv-timeout": 19,
  "decode-failed": 20,
  "pair-unequal": 21,
  "upstream-unreachable": 22,
  "upstream-protocol": 23,
  "upstream-lost": 24,
  "upstream-timeout": 25,
  "engine-unhealthy": 26,
  "check-failed": 27,
  "request-timeout": 28,
  "client-gone": 29,
  "shutting-down": 30,
} as const satisfies Readonly<Record<ErrorCode, number>>;

const CODES = new Map<number, ErrorCode>();
for (const code of Object.keys(NUMBERS) as ErrorCode[]) CODES.set(NUMBERS[code], code);

/** The number of `code`. */
export function numberOfCode(code: ErrorCode): number {
  return NUMBERS[code];
}

/** The code with `number`; `internal` for one that a later release has. */
export function codeOfNumber(number: number): ErrorCode {
  return CODES.get(number) ?? "internal";
}
