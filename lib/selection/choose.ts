/** From the engines of a model and a request to the engines that serve it. @module */
import type { Engine, ErrorCode } from "../base/mod.ts";
import { type AblePairs, ablePairs, type NoPair } from "./able_pairs.ts";
import type { Candidate, Verdict } from "./candidate.ts";
import type { ModelGroup, Takes } from "./group.ts";
import type { Policies } from "./policies.ts";
import type { PickAsk, Policy } from "./policy.ts";
import { type Best, bestOf, type Exclude, EXCLUDED, isSome, marksOf } from "./standing.ts";

/** The two engines of a handoff. */
export interface Pair {
  readonly prefill: Engine;
  readonly decode: Engine;
}

/** One request's wish for engines. */
export interface ChoiceAsk extends Omit<PickAsk, "peer"> {
  readonly exclude?: readonly Exclude[];
  /** The engines of the attempt before: those that are not excluded are kept. */
  readonly tried?: Pair | undefined;
}

/** A wish for a pair. */
export interface PairAsk extends ChoiceAsk {
  readonly takes: Takes;
  /** What health says of two engines together. */
  readonly pairVerdict?: ((prefill: Engine, decode: Engine) => Verdict) | undefined;
}

/** A pair, or which side of it there is none of. */
export type PairChoice =
  | {
    readonly kind: "pair";
    readonly pair: Pair;
    /** Why it should be gone around, where there is none against which less speaks. */
    readonly shut?: ErrorCode | undefined;
    /** Whether it is on probation, so that this request finds out whether it works again. */
    readonly trial?: true;
  }
  | NoPair;

/**
 * Choose a decode engine, then a prefill engine for it, of those pairs against whose engines least
 * speaks. A pair that is shut is gone around while another of them is not.
 */
export function choosePair(group: ModelGroup, policies: Policies, ask: PairAsk): PairChoice {
  const able = ablePairs(group, ask.takes, marksOf(ask.exclude));
  if (able.kind === "none") return able;
  const decode = decodeOf(able, policies.decode, ask);
  const kin = able.kinOf(decode);
  const all = kin.prefill.list;
  const open = all.filter((prefill) => isOpen(ask, prefill, decode));
  const best = { list: isSome(open) ? open : all, against: kin.prefill.against };
  const peer = { candidate: decode, among: kin.decode.list.length };
  const prefill = takeOf(best, policies.prefill, { ...ask, peer }, ask.tried?.prefill);
  const pair = { prefill: prefill.engine, decode: decode.engine };
  const together = ask.pairVerdict?.(pair.prefill, pair.decode);
  const shut = whyShut(decode.verdict) ?? whyShut(prefill.verdict) ?? whyShut(together);
  if (shut !== undefined) return { kind: "pair", pair, shut };
  return { kind: "pair", pair, ...(together?.kind === "probation" ? { trial: true } : {}) };
}

function whyShut(verdict: Verdict | undefined): ErrorCode | undefined {
  return verdict?.kind === "shut" ? verdict.why : undefined;
}

/** Choose one engine for a whole request; undefined when none serves its model. */
export function chooseDirect(
  group: ModelGroup,
  policies: Policies,
  ask: ChoiceAsk,
): Engine | undefined {
  const able = bestOf(group.direct, marksOf(ask.exclude));
  return able === undefined ? undefined : takeOf(able, policies.direct, ask, undefined).engine;
}

/** The decode engine, another one when all pairs of the policy's choice are shut and not all of others. */
function decodeOf({ decode, kinOf }: AblePairs, policy: Policy, ask: PairAsk): Candidate {
  const hasOpen = (one: Candidate): boolean =>
    kinOf(one).prefill.list.some((prefill) => isOpen(ask, prefill, one));
  const first = takeOf(decode, policy, ask, ask.tried?.decode);
  if (hasOpen(first)) return first;
  const others = decode.list.filter(hasOpen);
  // The first pick has taken the turn.
  return isSome(others) ? policy.pick(others, { ...ask, attempt: ask.attempt + 1 }) : first;
}

function isOpen({ pairVerdict }: PairAsk, prefill: Candidate, decode: Candidate): boolean {
  return pairVerdict?.(prefill.engine, decode.engine).kind !== "shut";
}

/** The engine of the attempt before, unless it is excluded or not among the best; or a fresh pick. */
function takeOf(
  { list, against }: Best,
  policy: Policy,
  ask: PickAsk,
  tried: Engine | undefined,
): Candidate {
  const kept = tried === undefined || against >= EXCLUDED
    ? undefined
    : list.find(({ engine }) => engine.id === tried.id);
  return kept ?? policy.pick(list, ask);
}
