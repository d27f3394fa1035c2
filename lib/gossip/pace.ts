/** How often routers tell one another what has changed, by how many they are. Pure. @module */

/** What has changed is told so often by a few routers, in milliseconds; what is urgent, after the second. */
export const TELL_MS = 50;
export const URGENT_MS = 10;

/** It is told no less often, in milliseconds: a few times in which a peer would be taken for silent. */
export const LONGEST_TELL_MS = 500;

/** Updates a second that each is to hear at most, from all others together. */
export const HEARD_PER_SECOND = 160;

/**
 * How often one of `routers` tells, in milliseconds. All that are told have to hear all who tell, and what
 * carries it has to bring each to all: both would grow with the square of their number.
 */
export function tellMs(routers: number): number {
  const ms = (routers - 1) * 1_000 / HEARD_PER_SECOND;
  return Math.min(LONGEST_TELL_MS, Math.max(TELL_MS, ms));
}

/** After how long it tells what is urgent, likewise. */
export function urgentMs(routers: number): number {
  return tellMs(routers) * URGENT_MS / TELL_MS;
}
