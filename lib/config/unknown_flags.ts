/** What is said of flags that there are not. @module */
import { type Problem, withSuggestion } from "./problem.ts";

/** Shorter beginnings are as likely to be mistyped. */
const LEAST_LENGTH = 6;

/** Flags that an abbreviation may stand for in a message, at most. */
const MOST_NAMED = 4;

/**
 * Problems of the flags of `given` that are not `known`, all without dashes. The production-stack router
 * takes the beginning of a name for the name; here that is told and refused, as a flag that is added
 * would give it another meaning.
 */
export function unknownFlags(
  given: Iterable<string>,
  known: readonly string[],
): readonly Problem[] {
  const names = new Set(known);
  return [...given].filter((name) => !names.has(name)).map((name) => ({
    key: `--${name}`,
    message: meaningOf(name, known),
  }));
}

function meaningOf(name: string, known: readonly string[]): string {
  const begun = name.length < LEAST_LENGTH ? [] : known.filter((full) => full.startsWith(name));
  if (begun.length === 0) return withSuggestion("unknown flag", name, known, "--");
  const shown = begun.slice(0, MOST_NAMED).map((full) => `--${full}`);
  const more = begun.length > MOST_NAMED ? " ..." : "";
  return `unknown flag; names are not abbreviated: write ${shown.join(" or ")}${more}`;
}
