/** What several routers tell of themselves, as of one. Pure. @module */
import { quantilesOf } from "./distribution.ts";
import type { LivePart } from "./live_part.ts";
import type {
  DistributionLive,
  DistributionName,
  EngineLive,
  PairLive,
  RouterLive,
} from "./shapes.ts";

/** What is told of all but their requests. */
export type MergedLive = Pick<LivePart, "engines" | "pairs" | "router" | "times" | "started">;

/** Verdicts, the worst first: any router's is told. */
const VERDICTS: readonly string[] = ["shut", "probation"];

/** `parts` as one; there is one at least. */
export function mergedLive(parts: readonly LivePart[]): MergedLive {
  return {
    started: Math.min(...parts.map(({ started }) => started)),
    engines: merged(parts.flatMap(({ engines }) => engines), ({ id }) => id, mergedEngine),
    pairs: merged(
      parts.flatMap(({ pairs }) => pairs),
      ({ prefill, decode }) => JSON.stringify([prefill, decode]),
      mergedPair,
    ),
    router: parts.map(({ router }) => router).reduce(mergedRouter),
    times: merged(
      parts.flatMap(({ times }) => times),
      ([name]) => name,
      ([name, one], [, other]): readonly [DistributionName, DistributionLive] => [
        name,
        mergedTimes(one, other),
      ],
    ),
  };
}

function merged<Each>(
  all: readonly Each[],
  keyOf: (each: Each) => string,
  merge: (one: Each, other: Each) => Each,
): readonly Each[] {
  const found = new Map<string, Each>();
  for (const each of all) {
    const key = keyOf(each);
    const known = found.get(key);
    found.set(key, known === undefined ? each : merge(known, each));
  }
  return [...found.values()];
}

/** Routers tell one another what they have under way: who knows of the most knows best. */
function mergedEngine(one: EngineLive, other: EngineLive): EngineLive {
  const inflight = Math.max(one.inflight, other.inflight);
  const isDrained = one.state === "drained" && inflight > 0;
  return {
    ...one,
    ...worse(one, other),
    state: isDrained ? "draining" : one.state,
    inflight,
    seats: one.seats ?? other.seats,
    running: one.running ?? other.running,
    waiting: one.waiting ?? other.waiting,
    kv_use: one.kv_use ?? other.kv_use,
    hit_rate: one.hit_rate ?? other.hit_rate,
    qps: sum(one.qps, other.qps),
    latency: mean(one, other, "latency"),
    itl: mean(one, other, "itl"),
    remarks: { ...other.remarks, ...one.remarks },
  };
}

function mergedPair(one: PairLive, other: PairLive): PairLive {
  const last = (other.last ?? 0) > (one.last ?? 0) ? other : one;
  return {
    ...one,
    ...worse(one, other),
    recompute: one.recompute ?? other.recompute,
    under_way: summed(one.under_way, other.under_way),
    ok: one.ok + other.ok,
    failed: one.failed + other.failed,
    tokens: one.tokens + other.tokens,
    kv_wait: last.kv_wait ?? one.kv_wait ?? other.kv_wait,
    last: last.last,
  };
}

/** Ready when one is, and none lacks anything. */
function mergedRouter(one: LivePart["router"], other: LivePart["router"]): LivePart["router"] {
  const ailment = one.ailment ?? other.ailment;
  return {
    ready: (one.ready || other.ready) && ailment === null,
    draining: one.draining && other.draining,
    ailment,
    under_way: one.under_way + other.under_way,
    queued: one.queued + other.queued,
    kv_waiters: one.kv_waiters + other.kv_waiters,
    connections: one.connections + other.connections,
    buffered_bytes: one.buffered_bytes + other.buffered_bytes,
    ended: summed(one.ended, other.ended) as RouterLive["ended"],
    routes: summed(one.routes, other.routes),
  };
}

function mergedTimes(one: DistributionLive, other: DistributionLive): DistributionLive {
  const counts = one.counts.map((count, at) => count + (other.counts[at] ?? 0));
  return { bounds: one.bounds, counts, ...quantilesOf(counts) };
}

type Judged = Pick<EngineLive, "verdict" | "why">;

/** The verdict that is worse, with its reason. */
function worse(one: Judged, other: Judged): Judged {
  const rank = ({ verdict }: Judged): number => {
    const at = VERDICTS.indexOf(verdict);
    return at < 0 ? VERDICTS.length : at;
  };
  const { verdict, why } = rank(other) < rank(one) ? other : one;
  return { verdict, why };
}

function sum(one: number | null, other: number | null): number | null {
  return one === null ? other : one + (other ?? 0);
}

/** By how many requests each has had lately; of one that has had none it says nothing. */
function mean(one: EngineLive, other: EngineLive, name: "latency" | "itl"): number | null {
  const [mine, its] = [one[name], other[name]];
  if (mine === null || its === null) return mine ?? its;
  const [weight, more] = [one.qps ?? 0, other.qps ?? 0];
  return weight + more === 0 ? (mine + its) / 2 : (mine * weight + its * more) / (weight + more);
}

function summed(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>>,
): Record<string, number> {
  const all: Record<string, number> = { ...one };
  for (const [name, value] of Object.entries(other)) all[name] = (all[name] ?? 0) + value;
  return all;
}
