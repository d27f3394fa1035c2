/** From the engines of a model and a request to the engines that serve it. @module */
import type { Engine } from "../base/mod.ts";
import type { Candidate, Verdict } from "./candidate.ts";
import type { ModelGroup, Takes } from "./group.ts";
import type { Policies } from "./policies.ts";
import type { PickAsk, Policy } from "./policy.ts";

/** The two engines of a handoff. */
export interface Pair {
  readonly prefill: Engine;
  readonly decode: Engine;
}

/** An engine that a further attempt at one request goes around. */
export interface Exclude {
  readonly id: string;
  /**
   * `failed`: it failed at this request, so that an attempt on such engines alone would be the same
   * again. `tainted`: not at fault, but better gone around. `spoilt`: it may hold pages of this prompt
   * which nobody has written, and must not serve.
   */
  readonly why: "failed" | "tainted" | "spoilt";
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
  | { readonly kind: "pair"; readonly pair: Pair }
  | { readonly kind: "none"; readonly lacks: "prefill" | "receiver" };

/**
 * Choose a decode engine, then a prefill engine for it. A pair that is shut is gone around as an
 * engine is: while there is any other.
 */
export function choosePair(group: ModelGroup, policies: Policies, ask: PairAsk): PairChoice {
  const taking = group.taking(ask.takes);
  const kept = keptDecode(group, ask);
  let first: Candidate | undefined;
  for (let left = taking; left.length > 0;) {
    const decode = pickFrom(left, policies.decode, ask, kept);
    if (decode === undefined) break;
    first ??= decode;
    // Then no other has one either: those with a partner come first.
    if (group.partners(decode.engine).length === 0) break;
    const prefill = partnerOf(group, policies, ask, decode, taking.length);
    if (prefill !== undefined) return pairOf(prefill, decode);
    left = left.filter((other) => other !== decode);
  }
  if (first === undefined) return { kind: "none", lacks: "receiver" };
  const whoever = { ...ask, pairVerdict: undefined };
  const prefill = partnerOf(group, policies, whoever, first, taking.length);
  return prefill === undefined ? { kind: "none", lacks: "prefill" } : pairOf(prefill, first);
}

/** Choose one engine for a whole request; undefined when none serves its model. */
export function chooseDirect(
  group: ModelGroup,
  policies: Policies,
  ask: ChoiceAsk,
): Engine | undefined {
  return pickFrom(group.direct, policies.direct, ask, undefined)?.engine;
}

function pairOf(prefill: Candidate, decode: Candidate): PairChoice {
  return { kind: "pair", pair: { prefill: prefill.engine, decode: decode.engine } };
}

/** The decode engine of the attempt before, if some other prefill engine can hand over to it. */
function keptDecode(group: ModelGroup, ask: PairAsk): Engine | undefined {
  const { tried } = ask;
  if (tried === undefined) return undefined;
  const others = group.partners(tried.decode).some(({ engine }) => !isExcluded(ask, engine));
  return others ? tried.decode : undefined;
}

/** A prefill engine for `decode`; undefined when every such pair is shut, or there is none. */
function partnerOf(
  group: ModelGroup,
  policies: Policies,
  ask: PairAsk,
  decode: Candidate,
  among: number,
): Candidate | undefined {
  const partners = group.partners(decode.engine);
  const { pairVerdict } = ask;
  const isShut = ({ engine }: Candidate): boolean =>
    pairVerdict?.(engine, decode.engine).kind === "shut";
  const open = partners.some(isShut) ? partners.filter((other) => !isShut(other)) : partners;
  const peer = { candidate: decode, among };
  return pickFrom(open, policies.prefill, { ...ask, peer }, ask.tried?.prefill);
}

function pickFrom(
  from: readonly Candidate[],
  policy: Policy,
  ask: ChoiceAsk & Pick<PickAsk, "peer">,
  tried: Engine | undefined,
): Candidate | undefined {
  const preferred = preferredOf(from, ask);
  const kept = tried === undefined || isExcluded(ask, tried)
    ? undefined
    : preferred.find(({ engine }) => engine.id === tried.id);
  return kept ?? (isSome(preferred) ? policy.pick(preferred, ask) : undefined);
}

/** Those of `from` that nothing speaks against, or, where none is left, as little as can be. */
function preferredOf(from: readonly Candidate[], ask: ChoiceAsk): readonly Candidate[] {
  const { exclude = [] } = ask;
  // The usual case allocates nothing, and gives policies the list they know.
  if (exclude.length === 0 && from.every(isWell)) return from;
  const possible = from.filter(({ engine, verdict }) =>
    verdict.kind !== "leaving" &&
    !exclude.some(({ id, why }) => why === "spoilt" && id === engine.id)
  );
  const others = orAll(possible, ({ engine }) => !isExcluded(ask, engine));
  return orAll(others, isWell);
}

function isWell({ verdict: { kind } }: Candidate): boolean {
  return kind === "good" || kind === "probation";
}

function isExcluded({ exclude = [] }: ChoiceAsk, engine: Engine): boolean {
  return exclude.some(({ id }) => id === engine.id);
}

/** Those of `from` that are `wanted`, unless none is. */
function orAll(
  from: readonly Candidate[],
  wanted: (candidate: Candidate) => boolean,
): readonly Candidate[] {
  const found = from.filter(wanted);
  return found.length > 0 ? found : from;
}

function isSome<T>(list: readonly T[]): list is readonly [T, ...T[]] {
  return list.length > 0;
}
