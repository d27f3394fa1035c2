/** Stop strings over the seam between the two engines. @module */

/**
 * Whether a stop string might begin in `text` and end in what follows: `text` ends with a proper
 * beginning of one. Neither engine alone would see such a stop.
 */
export function stopMaySpan(text: string, stops: readonly string[]): boolean {
  return stops.some((stop) => {
    for (let length = Math.min(stop.length - 1, text.length); length > 0; length--) {
      if (text.endsWith(stop.slice(0, length))) return true;
    }
    return false;
  });
}
