/** What a parser came to, and whether two came to the same. @module */
import type { Sliced } from "../../lib/base/mod.ts";
import { show } from "./text.ts";

/** A value, or one of the errors that a parser says it throws. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: Error };

/** A class of errors that a parser's documentation names. */
// deno-lint-ignore no-explicit-any
export type ErrorClass = abstract new (...args: any[]) => Error;

/** What `parse` came to. An error that is none of `documented` is thrown on. */
export function outcomeOf<T>(parse: () => T, ...documented: readonly ErrorClass[]): Outcome<T> {
  try {
    return { ok: true, value: parse() };
  } catch (error) {
    return failed(error, documented);
  }
}

/** `outcomeOf` what takes its time. */
export async function outcomeOfAsync<T>(
  parse: () => Promise<T>,
  ...documented: readonly ErrorClass[]
): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await parse() };
  } catch (error) {
    return failed(error, documented);
  }
}

function failed(error: unknown, documented: readonly ErrorClass[]): Outcome<never> {
  for (const each of documented) if (error instanceof each) return { ok: false, error };
  throw error;
}

/** `what` and both outcomes, where they are not the same; undefined where they are. */
export function difference(what: string, one: unknown, other: unknown): string | undefined {
  const [first, second] = [show(one), show(other)];
  return first === second ? undefined : `${what}: ${short(first)} and ${short(second)}`;
}

/** Longest value that is shown, in characters. */
const SHOWN = 300;

/** `text`, cut where it is long. */
export function short(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}... (${text.length} characters)` : text;
}

/** Work in slices did not end when it should have. */
export class TooManySteps extends Error {
  override readonly name = "TooManySteps";
}

/** Do `work` in one go. Throws `TooManySteps` beyond `most` slices. */
export function within<T>(most: number, work: Sliced<T>): T {
  for (let steps = 0; steps <= most; steps++) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
  throw new TooManySteps(`more than ${most} slices`);
}

/** Slices that work on so many bytes may take: far more than there is reason for. */
export function slicesFor(bytes: number): number {
  return 64 + Math.ceil(bytes / 256);
}
