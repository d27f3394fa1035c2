/** The pairs that could serve a handoff, before policies choose among them. @module */
import type { Engine, ErrorCode } from "../base/mod.ts";
import type { Candidate } from "./candidate.ts";
import type { ModelGroup, Takes } from "./group.ts";
import { type Best, bestOf, isRoomy, isSome, type Marks, NEVER, type Tokens } from "./standing.ts";

/** The best engines that speak one protocol: each of these prefill engines can serve each decode engine. */
interface BestKin {
  readonly kv: Engine["kv"];
  readonly decode: Best;
  readonly prefill: Best;
}

/** Pairs against whose engines least speaks. */
export interface AblePairs {
  readonly kind: "some";
  /** The decode engines of all protocols, ordered as in their group. */
  readonly decode: Best;
  /** The engines that speak as one of `decode` does, itself among them. */
  readonly kinOf: (decode: Candidate) => BestKin;
  /** Others are as good and have no room. */
  readonly crowded: boolean;
}

/** Which side of a pair there is none of; `buffer`: none whose buffer is as large as the prompt's KV. */
export interface NoPair {
  readonly kind: "none";
  readonly lacks: "prefill" | "receiver" | "buffer";
}

/** There are pairs, but the best of them have no room at the moment. */
export interface FullPair {
  readonly kind: "full";
  /** Which side has none. */
  readonly leg: "prefill" | "decode";
  /** Why all of them should be gone around all the same. */
  readonly shut?: ErrorCode | undefined;
}

/** What is asked of pairs. */
export interface AbleAsk {
  readonly takes: Takes;
  readonly marks: Marks;
  readonly tokens: Tokens;
}

/** The pairs of `group` for a handoff that decode engines must be able to take. */
export function ablePairs(group: ModelGroup, ask: AbleAsk): AblePairs | NoPair | FullPair {
  const { takes, marks, tokens } = ask;
  let receives = false;
  let least = NEVER;
  let best: readonly BestKin[] = [];
  for (const { kv, ...kin } of group.kin(takes)) {
    const decode = bestOf(kin.decode, marks, tokens);
    const prefill = bestOf(kin.prefill, marks, tokens && 0);
    receives ||= decode !== undefined;
    if (decode === undefined || prefill === undefined) continue;
    const against = decode.against + prefill.against;
    if (against > least) continue;
    best = [...(against < least ? [] : best), { kv, decode, prefill }];
    least = against;
  }
  const roomy = best.every(isRoomyKin) ? best : best.filter(isRoomyKin);
  const [first] = roomy;
  const list = joined(roomy, group.taking(takes));
  if (first === undefined || !isSome(list)) {
    const [full] = best;
    return full === undefined ? noPair(group, ask, receives) : {
      kind: "full",
      leg: isRoomy(full.decode) ? "prefill" : "decode",
    };
  }
  return {
    kind: "some",
    decode: { list, against: least },
    crowded: roomy.length < best.length || roomy.some(isCrowded),
    kinOf: ({ engine }) => roomy.find(({ kv }) => kv === engine.kv) ?? first,
  };
}

function noPair(group: ModelGroup, { takes, marks, tokens }: AbleAsk, receives: boolean): NoPair {
  if (receives) return { kind: "none", lacks: "prefill" };
  const small = tokens !== undefined && tokens > 0 &&
    bestOf(group.taking(takes), marks) !== undefined;
  return { kind: "none", lacks: small ? "buffer" : "receiver" };
}

function isRoomyKin({ decode, prefill }: BestKin): boolean {
  return isRoomy(decode) && isRoomy(prefill);
}

function isCrowded({ decode, prefill }: BestKin): boolean {
  return decode.roomy !== undefined || prefill.roomy !== undefined;
}

/** The decode engines of `kins` in the order of `all`. */
function joined(kins: readonly BestKin[], all: readonly Candidate[]): readonly Candidate[] {
  const lists = kins.map(({ decode }) => decode.list);
  const [first = [], ...others] = lists;
  if (others.length === 0) return first;
  const count = lists.reduce((sum, { length }) => sum + length, 0);
  if (count === all.length) return all;
  const found = new Set(lists.flat());
  return all.filter((candidate) => found.has(candidate));
}
