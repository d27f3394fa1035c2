/** What there is to see of a router that serves: itself, its engines and its pairs, at a moment. @module */
import { engineView } from "./admin/mod.ts";
import type { Clock } from "./base/mod.ts";
import type { EngineBook } from "./discovery/mod.ts";
import type { Fleet, RequestStats } from "./fleet/mod.ts";
import type { Admission } from "./flow/mod.ts";
import type { Front } from "./front/mod.ts";
import type { EngineRow, HttpDeps } from "./http/mod.ts";
import {
  doing,
  type EngineLive,
  type Kept,
  outcomesOf,
  type PairLive,
  type PairRecord,
  type RequestRecorder,
  type RouterLive,
} from "./observe/mod.ts";
import type { Pair } from "./selection/mod.ts";

/** The parts of a router that are looked at. */
export interface LookedAt {
  readonly stats: Pick<RequestStats, "of">;
  readonly admission: Pick<Admission, "waiting">;
  readonly front: Pick<Front, "connections">;
  /** Handoffs that wait for KV. */
  readonly waiting: () => number;
  /** What requests go by at the moment. */
  readonly deps: () => Pick<
    HttpDeps,
    "kvReport" | "bodies" | "ailment" | "draining" | "retired" | "version" | "config"
  >;
}

/** Who the engines are, for those who may know all of it. */
export interface EnginesKnown {
  readonly fleet: Fleet;
  readonly book: Pick<EngineBook, "entries">;
  /** What `/engines` tells, by id and with addresses. */
  readonly rows: () => ReadonlyMap<string, EngineRow>;
}

/** The router as a whole. */
export function routerLive(
  { admission, front, waiting, deps }: LookedAt,
  { underWay, outcomes, routes }: Kept,
): Omit<RouterLive, "rate"> {
  const { ailment, draining, retired, bodies } = deps();
  const why = ailment();
  return {
    ready: why === undefined && !retired() && !draining(),
    draining: draining(),
    ailment: why ?? null,
    under_way: underWay.size,
    queued: admission.waiting,
    kv_waiters: waiting(),
    connections: front.connections,
    buffered_bytes: bodies.held,
    ended: outcomesOf(outcomes),
    routes: Object.fromEntries(routes),
  };
}

/** What `/engines` remarks of an engine beside what has a place of its own. */
const REMARKS = [
  "recompute_suspected",
  "canary",
  "unequal",
  "broken_pairs",
  "differences",
  "shut_pairs",
  "share",
] as const;

/** All engines that were found, those that are left out too. */
export function enginesLive(
  { stats }: LookedAt,
  { fleet, book, rows }: EnginesKnown,
): readonly EngineLive[] {
  const told = rows();
  return [...book.entries()].map((entry): EngineLive => {
    const { engine, found, drained, problems } = entry;
    const row = told.get(engine?.id ?? "");
    const shown = engineView({ fleet }, entry, row);
    const live = engine && fleet.live(engine);
    const load = live?.stats;
    const figures = engine && stats.of(engine.url);
    const role = live?.engine.role ?? found.raw.role;
    return {
      id: shown.id,
      url: String(shown["url"]),
      role: role === "both" ? "decode" : role,
      elastic: found.raw.role === "both",
      models: live?.engine.models ?? engine?.models ?? found.raw.models,
      state: shown.state,
      drained,
      verdict: String(shown["verdict"] ?? "unknown"),
      why: row?.["why"] === undefined ? null : String(row["why"]),
      inflight: shown.inflight,
      seats: finite(live?.load.maxSeats),
      running: load?.running ?? null,
      waiting: load?.waiting ?? null,
      kv_use: load?.kvUse ?? null,
      hit_rate: shareOf(load?.prefixHits, load?.prefixQueries),
      qps: figures?.qps ?? null,
      latency: figures?.latency ?? null,
      itl: figures?.itl ?? null,
      remarks: {
        ...Object.fromEntries(
          REMARKS.flatMap((name) => row?.[name] === undefined ? [] : [[name, row[name]]]),
        ),
        ...(problems.length === 0 ? {} : { problems }),
      },
    };
  });
}

function finite(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value;
}

function shareOf(some: number | undefined, all: number | undefined): number | null {
  return some === undefined || all === undefined || all === 0 ? null : some / all;
}

type PhaseCounts = { -readonly [P in keyof PairLive["under_way"]]: PairLive["under_way"][P] };

/** What is known of one pair while it is looked at. */
interface PairSeen {
  readonly pair: Pair;
  record?: PairRecord;
  readonly underWay: PhaseCounts;
}

/** Pairs that have had handoffs lately, have some, or of which something is told. */
export function pairsLive(
  { deps }: LookedAt,
  { fleet }: EnginesKnown,
  { kept, recorder, clock }: {
    readonly kept: Kept;
    readonly recorder: RequestRecorder;
    readonly clock: Clock;
  },
): readonly PairLive[] {
  const seen = new Map<string, PairSeen>();
  const keyOf = ({ prefill, decode }: Pair): string => `${prefill.id} ${decode.id}`;
  const of = (pair: Pair): PairSeen => {
    const key = keyOf(pair);
    let one = seen.get(key);
    if (one === undefined) seen.set(key, one = { pair, underWay: {} });
    return one;
  };
  for (const record of recorder.pairs.all()) of(record).record = record;
  for (const trace of kept.underWay) {
    if (trace.pair === undefined || !trace.route.startsWith("handoff_")) continue;
    const { underWay } = of(trace.pair);
    const phase = doing(trace);
    if (phase !== "arrived") underWay[phase] = (underWay[phase] ?? 0) + 1;
  }
  const verdicts = new Map(fleet.doubtedPairs().map((pair) => [keyOf(pair), pair.verdict]));
  for (const pair of fleet.doubtedPairs()) of(pair);
  const marks = deps().kvReport?.marks() ?? [];
  const causes = new Map(marks.map((mark) => [keyOf(mark), mark.cause]));
  for (const mark of marks) of(mark);
  const toUnix = clock.unixMs() - clock.now();
  return [...seen].map(([key, { pair, record, underWay }]): PairLive => {
    const verdict = verdicts.get(key);
    return {
      prefill: pair.prefill.id,
      decode: pair.decode.id,
      verdict: verdict?.kind ?? "good",
      why: verdict !== undefined && "why" in verdict ? verdict.why ?? null : null,
      recompute: causes.get(key) ?? null,
      under_way: underWay,
      ok: record?.ok ?? 0,
      failed: record?.failed ?? 0,
      tokens: record?.tokens ?? 0,
      kv_wait: record?.kvWaitMs === undefined ? null : Math.round(record.kvWaitMs * 1000) / 1000,
      last: record?.lastMs === undefined ? null : Math.round(record.lastMs + toUnix) / 1000,
    };
  });
}
