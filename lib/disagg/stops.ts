/** Stop strings over the seam between the two engines. @module */

/**
 * Length of the longest end of `text` that is a proper beginning of a stop string: what follows may
 * complete it.
 */
export function stopOverlap(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}

/**
 * Whether a stop string might begin in `text` and end in what follows. Neither engine alone would
 * see such a stop.
 */
export function stopMaySpan(text: string, stops: readonly string[]): boolean {
  return stopOverlap(text, stops) > 0;
}
