/**
 * The assertions of the tests, under the names of `@std/assert`, over Node's own `assert`.
 * @module
 */
import nodeAssert from "node:assert/strict";

/** Fail unless `condition` is truthy. */
export function assert(condition: unknown, message?: string): asserts condition {
  nodeAssert.ok(condition, message);
}

/** Fail unless `actual` equals `expected`, deeply and strictly. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.deepEqual(actual, expected, message);
}

/** Fail if `actual` equals `expected`, deeply and strictly. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.notDeepEqual(actual, expected, message);
}

/** Fail unless `actual` contains `part`. */
export function assertStringIncludes(actual: string, part: string, message?: string): void {
  if (!actual.includes(part)) {
    throw new nodeAssert.AssertionError({
      message: message ?? `Expected ${JSON.stringify(actual)} to contain ${JSON.stringify(part)}`,
    });
  }
}

/** Fail unless `actual` matches `pattern`. */
export function assertMatch(actual: string, pattern: RegExp, message?: string): void {
  nodeAssert.match(actual, pattern, message);
}

type ErrorType<E extends Error> = abstract new (...args: never[]) => E;

/** Fail unless `run` throws an `E` whose message contains `part`; returns the error. */
export function assertThrows<E extends Error>(
  run: () => unknown,
  type: ErrorType<E>,
  part = "",
): E {
  try {
    run();
  } catch (error) {
    return checkError(error, type, part);
  }
  throw new nodeAssert.AssertionError({ message: `Expected ${type.name} to be thrown` });
}

/** Fail unless `run` rejects with an `E` whose message contains `part`; returns the error. */
export async function assertRejects<E extends Error>(
  run: () => Promise<unknown>,
  type: ErrorType<E>,
  part = "",
): Promise<E> {
  try {
    await run();
  } catch (error) {
    return checkError(error, type, part);
  }
  throw new nodeAssert.AssertionError({ message: `Expected a rejection with ${type.name}` });
}

/** Fail always. */
export function fail(message: string): never {
  throw new nodeAssert.AssertionError({ message });
}

function checkError<E extends Error>(error: unknown, type: ErrorType<E>, part: string): E {
  if (!(error instanceof type)) {
    throw new nodeAssert.AssertionError({ message: `Expected ${type.name}, got ${error}` });
  }
  assertStringIncludes(error.message, part);
  return error;
}
