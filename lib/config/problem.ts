/** What is wrong with a configuration, and what was probably meant. @module */

/** One thing to put right. Its texts never hold a secret. */
export interface Problem {
  /** Where it was given: `--port`, `PD_ROUTER_PORT`, `port in pd.yaml`, or what is missing. */
  readonly key: string;
  /** The value received, where there is one to show. */
  readonly value?: string;
  /** What is expected, or what to do. */
  readonly message: string;
}

/** One line: key, value, message. */
export function problemText(problem: Problem): string {
  const value = problem.value === undefined ? "" : ` ${JSON.stringify(problem.value)}`;
  return `${problem.key}${value}: ${problem.message}`;
}

/** The candidate that `word` was probably meant to be: near in spelling, or begun by it. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate);
    const limit = Math.max(word.length, candidate.length) * 0.4;
    if (distance <= Math.min(limit, 3) && distance < (best?.distance ?? Infinity)) {
      best = { candidate, distance };
    }
  }
  if (best !== undefined) return best.candidate;
  return word.length < 4 ? undefined : candidates.find((candidate) => candidate.startsWith(word));
}

/** `"...; did you mean <prefix><closest>?"` after `message`, when something is near. */
export function withSuggestion(
  message: string,
  word: string,
  candidates: readonly string[],
  prefix = "",
): string {
  const near = closest(word, candidates);
  return near === undefined ? message : `${message}; did you mean ${prefix}${near}?`;
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn `from` into `to`. */
function editDistance(from: string, to: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1] ? 0 : 1;
      let distance = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + same,
      );
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (row > 1 && column > 1 && swapped) {
        distance = Math.min(distance, (beforeLast[column - 2] ?? 0) + 1);
      }
      current.push(distance);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}
