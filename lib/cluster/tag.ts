/** What a replica is called in KV ids and to its peers. Pure. @module */
import type { Random } from "../base/mod.ts";

const LETTERS = "abcdefghijklmnopqrstuvwxyz";
const SIGNS = `${LETTERS}0123456789`;

/** Signs of a tag. */
export const TAG_LENGTH = 8;

const TAG = /^[a-z][a-z0-9]{7}$/;

/**
 * A tag by chance, one of 26 * 36^7: a letter first, so that none is a worker's number. Whoever makes one
 * that is somebody else's finds out when it claims it.
 */
export function makeTag(random: Pick<Random, "next">): string {
  const sign = (of: string): string => of.charAt(Math.floor(random.next() * of.length));
  let tag = sign(LETTERS);
  while (tag.length < TAG_LENGTH) tag += sign(SIGNS);
  return tag;
}

/** The replica in `name`, the tag of a KV id or a peer's name: what is in front of the first dot. */
export function replicaIn(name: string): string | undefined {
  const at = name.indexOf(".");
  const first = at < 0 ? name : name.slice(0, at);
  return TAG.test(first) ? first : undefined;
}

/** What is behind the replica, e.g. a worker's own tag; empty where nothing is. */
export function withinReplica(name: string): string {
  const at = name.indexOf(".");
  return at < 0 ? "" : name.slice(at + 1);
}
