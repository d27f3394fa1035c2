/** The pairs that could serve a handoff, before policies choose among them. @module */
import type { Engine } from "../base/mod.ts";
import type { Candidate } from "./candidate.ts";
import type { ModelGroup, Takes } from "./group.ts";
import { type Best, bestOf, isSome, type Marks, NEVER } from "./standing.ts";

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
}

/** Which side of a pair there is none of. */
export interface NoPair {
  readonly kind: "none";
  readonly lacks: "prefill" | "receiver";
}

/** The pairs of `group` for a handoff that decode engines must be able to take. */
export function ablePairs(group: ModelGroup, takes: Takes, marks: Marks): AblePairs | NoPair {
  let receives = false;
  let least = NEVER;
  let best: readonly BestKin[] = [];
  for (const { kv, ...kin } of group.kin(takes)) {
    const decode = bestOf(kin.decode, marks);
    const prefill = bestOf(kin.prefill, marks);
    receives ||= decode !== undefined;
    if (decode === undefined || prefill === undefined) continue;
    const against = decode.against + prefill.against;
    if (against > least) continue;
    best = [...(against < least ? [] : best), { kv, decode, prefill }];
    least = against;
  }
  const [first] = best;
  const list = joined(best, group.taking(takes));
  if (first === undefined || !isSome(list)) {
    return { kind: "none", lacks: receives ? "prefill" : "receiver" };
  }
  return {
    kind: "some",
    decode: { list, against: least },
    kinOf: ({ engine }) => best.find(({ kv }) => kv === engine.kv) ?? first,
  };
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
