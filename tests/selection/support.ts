/** Engines, candidates and wishes for the tests of this folder. @module */
import type { Engine, Role } from "../../lib/base/mod.ts";
import {
  type Candidate,
  type Candidates,
  type ChoiceAsk,
  chooseDirect,
  choosePair,
  type FullPair,
  idleCandidate,
  ModelGroup,
  type Pair,
  type PairAsk,
  type PairChoice,
  type PickAsk,
  type Policies,
  policiesFor,
  type Policy,
  type Roomy,
  type Verdict,
} from "../../lib/selection/mod.ts";
import { assert } from "../support/assert.ts";

/** A candidate whose state a test sets. */
export type TestCandidate = { -readonly [Key in keyof Candidate]: Candidate[Key] };

/** A verdict of which nothing but its kind matters. */
export const SHUT: Verdict = { kind: "shut", why: "upstream-unreachable" };

/** An engine of `role` named by `id`; decode engines can receive KV. */
export function engine(
  id: string,
  role: Role = "any",
  models: readonly string[] = ["m"],
  kv: Engine["kv"] = role === "any" ? "none" : "lmcache",
): Engine {
  const nixl = { host: id, initPorts: [7300], allocPorts: [7400], modes: ["p1"] } as const;
  const url = `http://${id}:8000`;
  return { id, url, role, models, kv, ...(role === "decode" ? { nixl } : {}) };
}

/** The candidate of an engine of `role` named by `id`. */
export function candidate(id: string, role: Role = "any", kv?: Engine["kv"]): TestCandidate {
  return { ...idleCandidate(engine(id, role, ["m"], kv)) };
}

/** `count` candidates of `role`, ordered by URL; at most 10 are in this order. */
export function candidates(count: number, role: Role = "any", prefix = "e"): TestCandidates {
  const [first, ...rest] = Array.from(
    { length: count },
    (_, index) => candidate(`${prefix}${index}`, role),
  );
  if (first === undefined) throw new RangeError(`"count" must be at least 1, received ${count}`);
  return [first, ...rest];
}

/** At least one candidate whose state a test sets. */
export type TestCandidates = readonly [TestCandidate, ...TestCandidate[]];

/** `list`, of which a test knows that it is not empty. */
export function some(list: readonly Candidate[]): Candidates {
  const [first, ...rest] = list;
  assert(first !== undefined, "No candidate");
  return [first, ...rest];
}

/** The engines of candidates. */
export function enginesOf(list: readonly Candidate[]): readonly Engine[] {
  return list.map(({ engine }) => engine);
}

/** A first choice for model "m" in a fleet that matters to nobody. */
export function pickAsk(ask: Partial<PickAsk> = {}): PickAsk {
  return { model: "m", attempt: 1, universe: [], ...ask };
}

/** The ids of `count` picks, one after the other. */
export function picks(
  policy: Policy,
  from: Candidates,
  count: number,
  ask: Partial<PickAsk> = {},
): readonly string[] {
  return Array.from({ length: count }, () => policy.pick(from, pickAsk(ask)).engine.id);
}

/** Policies of turns, as if nothing had been chosen. */
export function turns(): Policies {
  return policiesFor({ kind: "roundrobin" });
}

/** Every decode engine that has a place for KV. */
export function takes({ nixl }: Engine): boolean {
  return nixl !== undefined;
}

/** The choice of a pair among `fleet`, for a first attempt unless `ask` says otherwise. */
export function choiceOf(
  fleet: readonly Candidate[],
  policies: Policies,
  ask: Partial<PairAsk> & Roomy,
): PairChoice | FullPair;
export function choiceOf(
  fleet: readonly Candidate[],
  policies?: Policies,
  ask?: Partial<PairAsk>,
): PairChoice;
export function choiceOf(
  fleet: readonly Candidate[],
  policies: Policies = turns(),
  ask: Partial<PairAsk & Roomy> = {},
): PairChoice | FullPair {
  const wish = { ...pickAsk({ universe: enginesOf(fleet) }), takes, ...ask };
  return choosePair(new ModelGroup(fleet, wish.model), policies, wish);
}

/** The same where there must be a pair. */
export function pairOf(
  fleet: readonly Candidate[],
  policies: Policies = turns(),
  ask: Partial<PairAsk & Roomy> = {},
): Pair {
  const choice = choiceOf(fleet, policies, ask);
  assert(choice.kind === "pair", JSON.stringify(choice));
  return choice.pair;
}

/** The ids of a pair, as one text. */
export function named({ prefill, decode }: Pair): string {
  return `${prefill.id} ${decode.id}`;
}

/** The choice of one engine among `fleet`. */
export function directOf(
  fleet: readonly Candidate[],
  policies: Policies = turns(),
  ask: Partial<ChoiceAsk & Roomy> = {},
): Engine | undefined {
  const wish = { ...pickAsk({ universe: enginesOf(fleet) }), ...ask };
  return chooseDirect(new ModelGroup(fleet, wish.model), policies, wish);
}

/** How often each of `names` occurs. */
export function counted(names: readonly string[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries(counts);
}
