/** From the engines of a model and a request to the engines that serve it. @module */
import type { Engine, ErrorCode } from "../base/mod.ts";
import {
  type AbleAsk,
  type AblePairs,
  ablePairs,
  type FullPair,
  type NoPair,
} from "./able_pairs.ts";
import { type Candidate, GOOD, UNEQUAL, type Verdict } from "./candidate.ts";
import type { ModelGroup, Takes } from "./group.ts";
import type { Policies } from "./policies.ts";
import type { Candidates, PickAsk, PickedPair, Policy } from "./policy.ts";
import type { Sieve } from "./slow_start.ts";
import { type Best, bestOf, type Exclude, EXCLUDED, isRoomy, isSome, marksOf } from "./standing.ts";

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
  /** Who is starting, and left out of choices while there are others; absent where nobody is. */
  readonly sieve?: Sieve | undefined;
}

/** A wish for engines that have room: others are no candidates. */
export interface Roomy {
  /** Of the prompt whose KV is handed over; 0 for none. */
  readonly tokens: number;
  /**
   * Of a decode engine's seats, how many a whole request may find taken and still get one: 0 to 1.
   * @default 1
   */
  readonly share?: number | undefined;
}

/** A wish for a pair. */
export interface PairAsk extends ChoiceAsk {
  readonly takes: Takes;
  /** What health says of two engines together; absent where nothing is held against any pair. */
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
 * speaks. A pair that is shut is gone around while another of them is not. Where room is looked at, those
 * that are full are no candidates, but are not given up for worse ones either.
 */
export function choosePair(
  group: ModelGroup,
  policies: Policies,
  ask: PairAsk & Roomy,
): PairChoice | FullPair;
export function choosePair(group: ModelGroup, policies: Policies, ask: PairAsk): PairChoice;
export function choosePair(
  group: ModelGroup,
  policies: Policies,
  ask: PairAsk & Partial<Roomy>,
): PairChoice | FullPair {
  const asked = { takes: ask.takes, marks: marksOf(ask.exclude), tokens: ask.tokens };
  const able = ablePairs(group, asked);
  if (able.kind === "full") return { ...able, ...shutOf(group, asked, ask) };
  if (able.kind === "none") return able;
  const { sieve } = ask;
  if (sieve === undefined) return pairIn(able, group, policies, asked, ask);
  const sifted = siftPairs(able, sieve, policies, ask);
  const first = pairIn(sifted, group, policies, asked, ask);
  // Those that are starting serve where nothing else would. The first pick has taken the turn.
  const choice = first.kind === "pair" && first.shut === undefined
    ? first
    : pairIn(able, group, policies, asked, { ...ask, attempt: ask.attempt + 1 });
  if (choice.kind === "pair") {
    sieve.took(choice.pair.prefill.id);
    sieve.took(choice.pair.decode.id);
  }
  return choice;
}

/** One of the pairs that are able. */
function pairIn(
  able: AblePairs,
  group: ModelGroup,
  policies: Policies,
  asked: AbleAsk,
  ask: PairAsk,
): PairChoice | FullPair {
  const { prefill, decode } = togetherOf(able, policies, ask) ?? oneByOne(able, policies, ask);
  const pair = { prefill: prefill.engine, decode: decode.engine };
  const shut = whyPairShut(ask, prefill, decode);
  if (shut === undefined) {
    const together = ask.pairVerdict?.(pair.prefill, pair.decode);
    return { kind: "pair", pair, ...(together?.kind === "probation" ? { trial: true } : {}) };
  }
  // Those that are not shut have no room.
  if (able.crowded && shutOf(group, asked, ask).shut === undefined) {
    return { kind: "full", leg: "decode" };
  }
  return { kind: "pair", pair, shut };
}

/** Those of both sides that are not left out for starting. */
function siftPairs(able: AblePairs, sieve: Sieve, policies: Policies, ask: PairAsk): AblePairs {
  const { session, tried } = ask;
  const sift = ({ list, against }: Best, { sticky }: Policy, keep: Engine | undefined): Best => ({
    list: sieve.sift(list, sticky === true ? session : undefined, keep?.id),
    against,
  });
  const sides = new Map<Best, Best>();
  return {
    ...able,
    decode: sift(able.decode, policies.decode, tried?.decode),
    kinOf(decode) {
      const kin = able.kinOf(decode);
      const prefill = sides.get(kin.prefill) ?? sift(kin.prefill, policies.prefill, tried?.prefill);
      sides.set(kin.prefill, prefill);
      return { ...kin, prefill };
    },
  };
}

/** A pair that the policies of both sides choose at once. What was tried is for each side to keep. */
function togetherOf(
  able: AblePairs,
  { prefill, decode }: Policies,
  ask: PairAsk,
): PickedPair | undefined {
  if (ask.tried !== undefined || prefill.pickPair === undefined) return undefined;
  return decode.pickPair?.({
    decodes: able.decode.list,
    prefillsOf: (one) => able.kinOf(one).prefill.list,
    verdict: (one, other) => ask.pairVerdict?.(one.engine, other.engine) ?? GOOD,
  }, ask);
}

/** A decode engine, and a prefill engine for it. */
function oneByOne(able: AblePairs, policies: Policies, ask: PairAsk): PickedPair {
  const decode = decodeOf(able, policies.decode, ask);
  const kin = able.kinOf(decode);
  const all = kin.prefill.list;
  const best = { list: openOf(all, ask, decode), against: kin.prefill.against };
  const peer = { candidate: decode, among: kin.decode.list.length };
  const prefill = takeOf(best, policies.prefill, { ...ask, peer }, ask.tried?.prefill);
  return { prefill, decode };
}

/** Those of `all` that are not shut with `decode`, or may do at least; all where none is. */
function openOf(all: Candidates, ask: PairAsk, decode: Candidate): Candidates {
  // The usual case copies nothing, and looks at nobody.
  if (ask.pairVerdict === undefined) return all;
  const open = all.filter((prefill) => isOpen(ask, prefill, decode));
  if (isSome(open)) return open;
  const equal = all.filter((prefill) => isEqual(ask, prefill, decode));
  return isSome(equal) ? equal : all;
}

/** Why every pair should be gone around that is as good as any, whether it has room or not. */
function shutOf(
  group: ModelGroup,
  asked: AbleAsk,
  ask: PairAsk,
): { readonly shut?: ErrorCode } {
  const able = ablePairs(group, { ...asked, tokens: undefined });
  if (able.kind !== "some") return {};
  const [first] = able.decode.list;
  const decode = able.decode.list.find((one) => hasOpen(ask, able, one)) ??
    able.decode.list.find((one) => hasEqual(ask, able, one)) ?? first;
  const { list } = able.kinOf(decode).prefill;
  const prefill = list.find((one) => isOpen(ask, one, decode)) ??
    list.find((one) => isEqual(ask, one, decode)) ?? list[0];
  const shut = whyPairShut(ask, prefill, decode);
  return shut === undefined ? {} : { shut };
}

function whyPairShut(ask: PairAsk, prefill: Candidate, decode: Candidate): ErrorCode | undefined {
  return whyShut(decode.verdict) ?? whyShut(prefill.verdict) ??
    whyShut(ask.pairVerdict?.(prefill.engine, decode.engine));
}

function whyShut(verdict: Verdict | undefined): ErrorCode | undefined {
  return verdict?.kind === "shut" ? verdict.why : undefined;
}

/**
 * Choose one engine for a whole request; undefined when none serves its model, or, where room is looked
 * at, when none of the best has any.
 */
export function chooseDirect(
  group: ModelGroup,
  policies: Policies,
  ask: ChoiceAsk & Partial<Roomy>,
): Engine | undefined {
  const able = bestOf(group.direct, marksOf(ask.exclude), ask.tokens, ask.share);
  if (able === undefined || !isRoomy(able)) return undefined;
  const { sieve, session } = ask;
  const { direct } = policies;
  if (sieve === undefined) return takeOf(able, direct, ask, undefined).engine;
  const list = sieve.sift(able.list, direct.sticky === true ? session : undefined);
  const { engine } = takeOf({ ...able, list }, direct, ask, undefined);
  sieve.took(engine.id);
  return engine;
}

/** The decode engine, another one when all pairs of the policy's choice are shut and not all of others. */
function decodeOf(able: AblePairs, policy: Policy, ask: PairAsk): Candidate {
  const first = takeOf(able.decode, policy, ask, ask.tried?.decode);
  if (hasOpen(ask, able, first)) return first;
  const others = able.decode.list.filter((one) => hasOpen(ask, able, one));
  // The first pick has taken the turn.
  if (isSome(others)) return policy.pick(others, { ...ask, attempt: ask.attempt + 1 });
  const equal = able.decode.list.filter((one) => hasEqual(ask, able, one));
  return isSome(equal) && !equal.includes(first)
    ? policy.pick(equal, { ...ask, attempt: ask.attempt + 1 })
    : first;
}

/** Whether `decode` has a partner that it is not shut with. */
function hasOpen(ask: PairAsk, { kinOf }: AblePairs, decode: Candidate): boolean {
  return ask.pairVerdict === undefined ||
    kinOf(decode).prefill.list.some((prefill) => isOpen(ask, prefill, decode));
}

/** Whether `decode` has a partner whose KV would do. */
function hasEqual(ask: PairAsk, { kinOf }: AblePairs, decode: Candidate): boolean {
  return kinOf(decode).prefill.list.some((prefill) => isEqual(ask, prefill, decode));
}

/** Whether the two might do, though they are shut for a while. */
function isEqual({ pairVerdict }: PairAsk, prefill: Candidate, decode: Candidate): boolean {
  return pairVerdict?.(prefill.engine, decode.engine) !== UNEQUAL;
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
