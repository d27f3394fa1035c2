/** Who goes first, where one of several is to do something and all are to agree on it. @module */
import { hash32 } from "../base/mod.ts";
import type { PeerId } from "./bus.ts";

/**
 * How many of `peers` go before `self` at what is called `matter`: 0 for the first. All who know of the
 * same peers agree, and another matter has another order.
 */
export function rankOf(self: PeerId, peers: Iterable<PeerId>, matter: string): number {
  const own = hash32(`${matter} ${self}`);
  let before = 0;
  for (const peer of peers) {
    const hash = hash32(`${matter} ${peer}`);
    if (hash < own || (hash === own && peer < self)) before++;
  }
  return before;
}

/** Where `self` begins with what each of several is to begin elsewhere: 0 or more. Numbers follow one another. */
export function placeOf(self: PeerId): number {
  return /^[0-9]+$/.test(self) ? Number(self) % 2 ** 32 : hash32(self);
}
