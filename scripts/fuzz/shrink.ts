/** Smaller inputs with the same fault. @module */

/** How long is looked for a smaller input, in tries and in milliseconds. */
export interface ShrinkLimits {
  readonly tries: number;
  readonly ms: number;
}

/** Enough for inputs of some kilobytes. */
export const SHRINK_LIMITS: ShrinkLimits = { tries: 3_000, ms: 5_000 };

/**
 * An input that `fails` as `input` does, out of which no part can be taken, as far as the limits let
 * that be found out.
 */
export async function shrink(
  input: string,
  fails: (input: string) => Promise<boolean>,
  { tries, ms }: ShrinkLimits = SHRINK_LIMITS,
): Promise<string> {
  const endsAt = performance.now() + ms;
  let left = tries;
  let best = input;
  const holds = async (candidate: string): Promise<boolean> => {
    if (left-- <= 0 || performance.now() > endsAt || !await fails(candidate)) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.ceil(best.length / 2); size >= 1 && left > 0;) {
    let smaller = false;
    for (let at = 0; at < best.length && left > 0;) {
      if (await holds(best.slice(0, at) + best.slice(at + size))) smaller = true;
      else at += size;
    }
    if (size > 1) size = Math.ceil(size / 2);
    else if (!smaller) break;
  }
  for (let at = 0; at < best.length && left > 0; at++) {
    if (best[at] !== "a") await holds(`${best.slice(0, at)}a${best.slice(at + 1)}`);
  }
  return best;
}
