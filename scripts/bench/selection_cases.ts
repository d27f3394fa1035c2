/** Choices of engines to be timed, in fleets of any size. @module */
import { type Engine, seededRandom } from "../../lib/base/mod.ts";
import {
  type Candidate,
  type ChoiceAsk,
  chooseDirect,
  choosePair,
  GOOD,
  HashRing,
  type Load,
  ModelGroup,
  type PairAsk,
  policiesFor,
  type Policy,
  type PromptFacts,
  type Roomy,
  type Verdict,
} from "../../lib/selection/mod.ts";
import type { Timed } from "./timing.ts";

/** One row of the report: its name, and what is timed in a fleet of so many engines. */
export interface SelectionCase {
  readonly name: string;
  readonly timed: (engines: number) => Timed;
}

/** How engines are asked for. */
const WISHES = {
  "roundrobin": { kind: "roundrobin", keys: 0 },
  "session, no key": { kind: "session", keys: 0 },
  "session": { kind: "session", keys: 4_096 },
  "prefixaware": { kind: "prefixaware", keys: 0 },
  "kvaware": { kind: "kvaware", keys: 0 },
  "least_loaded": { kind: "least_loaded", keys: 0 },
  "power_of_two": { kind: "power_of_two", keys: 0 },
  "pair_score": { kind: "pair_score", keys: 0 },
} as const;

/** What stands in the way of the usual case. */
const CONDITIONS = [
  "all well",
  "all have room",
  "one full",
  "one shut",
  "one excluded",
  "a pair in doubt",
  "two sets in turn",
] as const;
type Condition = (typeof CONDITIONS)[number];

/** A prompt of which each engine has some. */
const PROMPT: PromptFacts = {
  tokens: 4_000,
  chunks: () => PROMPT_CHUNKS,
  cachedAt: (id) => 16 * (id.length + (id.charCodeAt(id.length - 6) & 7)),
};
const PROMPT_CHUNKS = Float64Array.from({ length: 125 }, (_, index) => index + 1);

/** Requests that an engine has at most, for policies that look at them. */
const MAX_INFLIGHT = 32;

/** Room is looked at: what is taken of engines, of which some may be full. */
const ROOMY: ReadonlySet<Condition> = new Set(["all have room", "one full"]);

/** By prefill engine, then by decode engine. */
const DOUBTED: ReadonlyMap<string, ReadonlyMap<string, Verdict>> = new Map([
  ["10.0.0.0:8000", new Map([["10.0.0.1:8000", { kind: "probation" }]])],
]);

const SHUT: Verdict = { kind: "shut", why: "upstream-unreachable" };

/** Every policy, both kinds of choice, in every condition. */
export const CHOICES: readonly SelectionCase[] = (["pair", "direct"] as const).flatMap((what) =>
  (Object.keys(WISHES) as (keyof typeof WISHES)[]).flatMap((wish) =>
    CONDITIONS.map((condition): SelectionCase => ({
      name: `${what}, ${wish}, ${condition}`,
      timed: (engines) => choice(what, wish, condition, engines),
    }))
  )
);

/** The hash ring as engines come and go. */
export const RING: readonly SelectionCase[] = [
  {
    name: "ring, built",
    timed: (count) => {
      const urls = urlsOf(count);
      return { run: () => sizeAfter(new HashRing(), urls) };
    },
  },
  { name: "ring, one comes", timed: (count) => change(count, count + 1) },
  { name: "ring, one goes", timed: (count) => change(count + 1, count) },
];

/** `count` engines, ordered by URL, every other one a prefill engine; all but two serve model "n". */
export function fleetOf(count: number, condition: Condition = "all well"): readonly Candidate[] {
  const random = seededRandom(1);
  return urlsOf(count).map((url, index): Candidate => ({
    engine: {
      id: url.slice("http://".length),
      url,
      role: index % 2 === 0 ? "prefill" : "decode",
      models: index < 2 && count > 2 ? ["m"] : ["m", "n"],
      kv: "nixl",
    },
    inflight: Math.floor(random.next() * MAX_INFLIGHT),
    verdict: condition === "one shut" && index < 2 ? SHUT : GOOD,
    ...(ROOMY.has(condition)
      ? { load: loadOf(condition === "one full" && index < 2 && count > 2) }
      : {}),
  }));
}

function loadOf(full: boolean): Load {
  return { seats: full ? 64 : 8, maxSeats: 64, kvBytes: 0, buffer: undefined };
}

function urlsOf(count: number): readonly string[] {
  return Array.from(
    { length: count },
    (_, index) => `http://10.${index >> 16}.${(index >> 8) & 255}.${index & 255}:8000`,
  ).sort();
}

function choice(
  what: "pair" | "direct",
  wish: keyof typeof WISHES,
  condition: Condition,
  engines: number,
): Timed {
  const { kind, keys } = WISHES[wish];
  const fleet = fleetOf(engines, condition);
  const models = condition === "two sets in turn" ? ["m", "n"] : ["m"];
  const groups = models.map((model) => new ModelGroup(fleet, model));
  const universe = fleet.map(({ engine }) => engine);
  const asks = models.map((model) => askOf(model, universe, condition));
  const policies = policiesFor({ kind });
  for (const { id } of universe) {
    for (const policy of Object.values(policies) as readonly Policy[]) policy.placed?.(id, PROMPT);
  }
  let turn = 0;
  return {
    run: () => {
      const of = turn++ % models.length;
      const [group, ask] = [groups[of], asks[of]];
      if (group === undefined || ask === undefined) throw new RangeError(`No model ${of}`);
      const wished = keys === 0 ? ask : { ...ask, session: `session-${turn % keys}` };
      return what === "pair"
        ? choosePair(group, policies, wished)
        : chooseDirect(group, policies, wished);
    },
  };
}

function askOf(model: string, universe: readonly Engine[], condition: Condition): PairAsk {
  const ask: PairAsk & Partial<Roomy> = {
    model,
    universe,
    attempt: 1,
    takes,
    pairVerdict: condition === "a pair in doubt" ? inDoubt : undefined,
    prompt: PROMPT,
    ...(ROOMY.has(condition) ? { tokens: 0 } : {}),
  };
  const [prefill, decode] = universe;
  if (condition !== "one excluded" || prefill === undefined || decode === undefined) return ask;
  const exclude: ChoiceAsk["exclude"] = [
    { id: prefill.id, why: "failed" },
    { id: decode.id, why: "tainted" },
  ];
  return { ...ask, attempt: 2, exclude, tried: { prefill, decode } };
}

/** The first of the others: no choice may rest on it, and every one has to look. */
function inDoubt({ id: prefill }: Engine, { id: decode }: Engine): Verdict {
  return DOUBTED.get(prefill)?.get(decode) ?? GOOD;
}

function takes(): boolean {
  return true;
}

/** A ring of `from` engines that becomes one of `to`. */
function change(from: number, to: number): Timed {
  const [before, after] = [urlsOf(from), urlsOf(to)];
  const ring = new HashRing();
  return { prepare: () => ring.sync(before), run: () => sizeAfter(ring, after) };
}

function sizeAfter(ring: HashRing, urls: readonly string[]): number {
  ring.sync(urls);
  return ring.size;
}
