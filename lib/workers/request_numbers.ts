/** By what number each request goes, whichever of several workers has it. @module */
import type { Clock } from "../base/mod.ts";
import type { Hello } from "./records.ts";

/** Numbers of one worker for each millisecond; whoever has more requests goes ahead of the clock. */
const A_MS = 8;

/**
 * Numbers of one worker's requests: no other worker has them, nor has one that had its number before, and
 * of two requests the later has the greater, as far as the workers' clock tells them apart.
 */
export function requestNumbers(
  clock: Pick<Clock, "unixMs">,
  { number, count, begunMs }: Pick<Hello, "number" | "count" | "begunMs">,
): () => number {
  let turn = 0;
  return () => {
    turn = Math.max(turn + 1, Math.floor(clock.unixMs() - begunMs) * A_MS);
    return turn * count + number - 1;
  };
}
