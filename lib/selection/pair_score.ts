/** Both engines of a handoff, by what each has to do and what lies between them. @module */
import type { Candidate } from "./candidate.ts";
import { leastBy, requestsOf } from "./load.ts";
import type { Candidates, PairView, PickAsk, PickedPair, Policy } from "./policy.ts";
import { heldBy, meet, type PrefixRules } from "./prefix_held.ts";
import type { PromptFacts } from "./prompt_facts.ts";
import { distanceOf } from "./topology.ts";

/** Engines of each side whose pairs are all compared: those whose own costs are least. */
const FINALISTS = 8;

/** Share of a KV cache beyond which an engine soon sets requests back. */
const NEARLY_FULL = 0.9;

/** What things cost, in prompt tokens that are computed. */
const Cost = {
  /** A request that a prefill engine works on. */
  prefillRequest: 96,
  /** A request that a decode engine works on: each makes every step longer. */
  decodeRequest: 128,
  /** A full KV cache: requests are set back, and computed again. */
  full: 8_192,
  /** A level of topology between two engines, and what it costs for each token that is moved. */
  level: 256,
  levelToken: 0.1,
  /** A pair that is on probation. */
  doubt: 2_048,
} as const;

/** What the scores of pairs go by. */
export interface PairRules extends PrefixRules {
  /** Labels of places, the widest first. */
  readonly levels: readonly string[];
}

type CostOf = (candidate: Candidate) => number;

/** A candidate, and what it costs by itself. */
interface Priced {
  readonly candidate: Candidate;
  readonly cost: number;
}

/**
 * One side of the pair that costs least. Where both sides have it, they are chosen together; one
 * alone goes by its own engines, and by the other that is chosen already.
 */
export function pairScore(side: "prefill" | "decode", rules: PairRules): Policy {
  const costOf = (ask: PickAsk): CostOf =>
    side === "prefill" ? prefillCost(rules, ask.prompt) : decodeCost;
  return {
    reads: "chunks",
    pick(from, ask) {
      const cost = costOf(ask);
      const peer = ask.peer?.candidate;
      if (peer === undefined) return leastBy(from, cost);
      return leastBy(from, (one) => cost(one) + distanceCost(one, peer, ask, rules));
    },
    pickPair: (pairs, ask) => bestPair(rules, pairs, ask),
    placed(id, prompt) {
      if (side === "decode") return 0;
      const met = meet(rules, id, prompt);
      return Math.min(prompt.tokens, prompt.cachedAt(id) ?? met);
    },
    forget: (id) => rules.index.forget(id),
  };
}

/** Tokens that have to be computed before the prompt's last one is. */
function prefillCost(rules: PairRules, prompt: PromptFacts | undefined): CostOf {
  const held = prompt && heldBy(rules, prompt);
  return (candidate) => {
    const { engine: { id }, promptTokens = 0 } = candidate;
    const known = prompt?.cachedAt(id) ?? held?.(id) ?? 0;
    const own = Math.max(0, (prompt?.tokens ?? 0) - known);
    return own + promptTokens + Cost.prefillRequest * requestsOf(candidate);
  };
}

function decodeCost(candidate: Candidate): number {
  const full = Math.max(0, (candidate.stats?.kvUse ?? 0) - NEARLY_FULL) / (1 - NEARLY_FULL);
  return Cost.decodeRequest * requestsOf(candidate) + Cost.full * full;
}

/** What it costs to move the prompt's KV from one to the other, whichever is which. */
function distanceCost(
  one: Candidate,
  other: Candidate,
  { prompt }: PickAsk,
  { levels }: PairRules,
): number {
  const distance = distanceOf(one.engine, other.engine, levels);
  return distance === 0 ? 0 : distance * (Cost.level + Cost.levelToken * (prompt?.tokens ?? 0));
}

/** The pair that costs least of those that are not shut; undefined where none of the finalists' is open. */
function bestPair(rules: PairRules, pairs: PairView, ask: PickAsk): PickedPair | undefined {
  const costs = { prefill: prefillCost(rules, ask.prompt), decode: decodeCost };
  const togetherCost = (prefill: Candidate, decode: Candidate): number => {
    const { kind } = pairs.verdict(prefill, decode);
    if (kind === "shut") return Infinity;
    return (kind === "probation" ? Cost.doubt : 0) + distanceCost(prefill, decode, ask, rules);
  };
  const costOf = (prefill: Candidate, decode: Candidate): number =>
    costs.prefill(prefill) + costs.decode(decode) + togetherCost(prefill, decode);
  const finalists = new Map<Candidates, readonly Priced[]>();
  let best: PickedPair | undefined;
  let least = Infinity;
  for (const { candidate: decode, cost: decodes } of cheapest(pairs.decodes, costs.decode)) {
    const all = pairs.prefillsOf(decode);
    const some = finalists.get(all) ?? cheapest(all, costs.prefill);
    finalists.set(all, some);
    for (const { candidate: prefill, cost: own } of some) {
      // The others cost more by themselves alone.
      if (own + decodes >= least) break;
      const cost = own + decodes + togetherCost(prefill, decode);
      if (cost < least) [best, least] = [{ prefill, decode }, cost];
    }
  }
  const isPlaced = ({ engine }: Candidate): boolean => engine.topology !== undefined;
  if (best === undefined || !pairs.decodes.some(isPlaced)) return best;
  // Near ones need not be among the finalists: each side is looked for once more beside the other.
  const { decode } = best;
  const prefill = leastBy(pairs.prefillsOf(decode), (one) => costOf(one, decode));
  const near = pairs.decodes.filter((one) => pairs.prefillsOf(one) === pairs.prefillsOf(decode));
  return { prefill, decode: leastBy([decode, ...near], (one) => costOf(prefill, one)) };
}

/** Up to `FINALISTS` of `from` that cost least, the cheapest first. */
function cheapest(from: Candidates, costOf: CostOf): readonly Priced[] {
  const found: Priced[] = [];
  /** What the dearest of them costs, once they are enough. */
  let most = Infinity;
  for (const candidate of from) {
    const cost = costOf(candidate);
    if (cost >= most) continue;
    let at = found.length;
    while (at > 0 && (found[at - 1]?.cost ?? 0) > cost) at--;
    found.splice(at, 0, { candidate, cost });
    if (found.length > FINALISTS) found.pop();
    if (found.length === FINALISTS) most = found[FINALISTS - 1]?.cost ?? Infinity;
  }
  return found;
}
