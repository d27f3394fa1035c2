/** The policies by the name of the routing logic that asks for them. @module */
import { type Random, seededRandom } from "../base/mod.ts";
import type { PolicyName, Routing } from "../config/mod.ts";
import { kvAware } from "./kv_aware.ts";
import { leastInflight } from "./least_inflight.ts";
import { leastLoaded } from "./least_loaded.ts";
import { pairScore } from "./pair_score.ts";
import type { Policy, PromptPart } from "./policy.ts";
import { powerOfTwo } from "./power_of_two.ts";
import { prefixAware } from "./prefix_aware.ts";
import type { PrefixRules } from "./prefix_held.ts";
import type { PrefixExchange } from "./prefix_exchange.ts";
import { PrefixIndex } from "./prefix_index.ts";
import { roundRobin } from "./round_robin.ts";
import { fleetRing, type RingOf, sessionAffinity } from "./session.ts";

/** One policy per kind of choice: they keep separate turns. */
export interface Policies {
  readonly prefill: Policy;
  readonly decode: Policy;
  readonly direct: Policy;
}

/** What the policies of one router have in common: what is of the whole fleet, and large. */
interface Common {
  readonly routing: Routing;
  readonly random: Random;
  readonly firstTurn: number;
  readonly ringOf: RingOf;
  readonly prefixes: PrefixRules;
}

/** By name, how one policy is made for a kind of choice. */
const POLICIES = {
  roundrobin: ({ firstTurn }) => roundRobin(firstTurn),
  session: ({ ringOf }) => sessionAffinity(leastInflight(), ringOf),
  prefixaware: ({ prefixes }) => prefixAware(prefixes),
  kvaware: ({ routing, ringOf }) =>
    kvAware({
      threshold: routing.kvThreshold ?? KV_THRESHOLD,
      sessions: sessionAffinity(leastLoaded(), ringOf),
    }),
  least_loaded: () => leastLoaded(),
  power_of_two: ({ random }) => powerOfTwo(random),
  pair_score: ({ prefixes, routing }, side) =>
    side === "direct"
      ? leastLoaded()
      : pairScore(side, { ...prefixes, levels: routing.topology ?? [] }),
} as const satisfies Readonly<
  Record<PolicyName, (common: Common, side: keyof Policies) => Policy>
>;

/** What holds where a configuration says nothing. */
const INDEX_BYTES = 64 * 1024 * 1024;
const KV_THRESHOLD = 2_000;

/** What policies are made of besides. */
export interface PolicyParts {
  /** Where policies draw lots. */
  readonly random: Random;
  /** With which engine turns begin: routers side by side begin with different ones. */
  readonly firstTurn?: number;
  /** By which routers side by side know what engines have met by each other's choice. */
  readonly exchange?: PrefixExchange | undefined;
}

/**
 * Fresh policies for every kind of choice.
 *
 * @param parts Chance is that of a fixed seed when not given.
 */
export function policiesFor(
  routing: Routing,
  { random, firstTurn = 0, exchange }: PolicyParts = { random: seededRandom(1) },
): Policies {
  const { kind, prefill = kind, decode = kind, prefix } = routing;
  const index = new PrefixIndex(prefix?.indexBytes ?? INDEX_BYTES);
  exchange?.attach(index);
  const common = {
    routing,
    random,
    firstTurn,
    ringOf: fleetRing(),
    prefixes: { index, minMatch: prefix?.minMatch ?? 0, exchange },
  };
  return {
    prefill: POLICIES[prefill](common, "prefill"),
    decode: POLICIES[decode](common, "decode"),
    direct: POLICIES[kind](common, "direct"),
  };
}

/** What of prompts some of `policies` look at. */
export function partsRead(policies: Policies): ReadonlySet<PromptPart> {
  return new Set(Object.values(policies).flatMap(({ reads }: Policy) => reads ?? []));
}
