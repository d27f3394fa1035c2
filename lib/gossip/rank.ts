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

/**
 * Where `self` begins with what each of several is to begin elsewhere: 0 or more. Workers, whose names are
 * their numbers, with or without a second one behind a dot, follow one another.
 */
export function placeOf(self: PeerId): number {
  const [, number] = /^(\d{1,6})(?:\.\d+)?$/.exec(self) ?? [];
  return number === undefined ? hash32(self) : Number(number);
}

/** Whether a peer called `one` goes before `other`: part by part between dots, numbers by their value and first. */
export function isBefore(one: PeerId, other: PeerId): boolean {
  const [mine, yours] = [one.split("."), other.split(".")];
  for (let at = 0; at < Math.min(mine.length, yours.length); at++) {
    const [a = "", b = ""] = [mine[at], yours[at]];
    const [first, second] = [isNumber(a), isNumber(b)];
    if (first !== second) return first;
    if (first ? Number(a) !== Number(b) : a !== b) return first ? Number(a) < Number(b) : a < b;
  }
  return mine.length === yours.length ? one < other : mine.length < yours.length;
}

function isNumber(part: string): boolean {
  return /^\d+$/.test(part);
}
