/** What finds out whether KV moves, built from the configuration, and what it has to say. @module */
import type { ReadMetrics } from "./app_load.ts";
import type { RouterConfig } from "./config/mod.ts";
import {
  type FactsWatch,
  type FleetChange,
  type KvPair,
  KvProof,
  type Property,
  RoleWatch,
} from "./fleet/mod.ts";
import { Canary } from "./flow/mod.ts";
import {
  type HandoffDeps,
  kvCountersOf,
  KvSampler,
  type ReadCounters,
  UsageWitness,
} from "./handoff/mod.ts";
import type { KvReport } from "./http/mod.ts";
import { Background, type FlowDeps } from "./request/mod.ts";

/** Pairs under names of their own in metrics; those beyond are counted as one. */
const MAX_COUNTED = 1_024;
const MANY = { prefill: "many", decode: "many" } as const;

/** The parts of it. */
export interface RunningProof extends AsyncDisposable {
  readonly witness: UsageWitness;
  readonly report: KvReport;
  /** Learn of engines as they come and go. */
  follow(change: FleetChange): void;
  /** Begin with canaries, if there are to be any, when `ready` resolves. */
  start(deps: HandoffDeps, ready: Promise<void>, stopped: () => boolean): void;
}

/** How engines are asked for their metrics, and what else they have told. */
export interface EngineTelling {
  readonly readMetrics: ReadMetrics;
  readonly facts: Pick<FactsWatch, "of">;
}

/** Build it; `readMetrics` asks an engine for its own, and `facts` knows what else they tell. */
export function buildProof(
  flow: FlowDeps,
  { apiKey, canary: times }: Pick<RouterConfig, "apiKey" | "canary">,
  { readMetrics, facts }: EngineTelling,
): RunningProof {
  const { clock, log, metrics, fleet } = flow;
  // Nobody waits for its questions: a drain neither.
  const questions = new Background(log);
  const headers = apiKey === undefined ? [] : [["authorization", `Bearer ${apiKey}`] as const];
  const readCounters: ReadCounters = async ({ url }) => {
    const samples = await readMetrics(url, questions.signal);
    return samples && kvCountersOf(samples);
  };
  const roles = new RoleWatch({
    clock,
    log,
    snapshot: () => fleet.snapshot(),
    // Whoever has told its models has been asked for it.
    fetchVersion: (engine) => Promise.resolve(facts.of(engine).version),
  });
  const counted = new Map<string, KvPair>();
  const proof = new KvProof({
    clock,
    log,
    differs: (pair) => differencesOf(roles, pair),
    onSuspected: (pair) => {
      const labels = { prefill: pair.prefill.url, decode: pair.decode.url };
      const key = JSON.stringify(labels);
      if (counted.size < MAX_COUNTED) counted.set(key, pair);
      metrics.count("pd_router_recompute_suspected_total", counted.has(key) ? labels : MANY);
    },
    onMoved: (tokens) => metrics.count("pd_router_kv_moved_tokens_total", {}, tokens),
  });
  // Of engines that have gone nothing is to be kept again.
  const judge: KvProof["judge"] = (evidence) => {
    const view = fleet.snapshot();
    const { prefill, decode } = evidence.pair;
    const there = [prefill, decode].every(({ id, url }) => view.find(id)?.url === url);
    return there ? proof.judge(evidence) : "open";
  };
  const sampler = new KvSampler({
    clock,
    log,
    read: readCounters,
    judge,
    run: (work) => questions.run(work),
  });
  const witness = new UsageWitness({ proof: { judge }, sampler });
  let canary: Canary | undefined;
  return {
    witness,
    report: {
      marks: () => proof.marks(),
      canaries: () => canary?.notes() ?? [],
      firstRound: () => canary?.firstRound,
      differences: () => roles.differences,
    },
    follow(change) {
      roles.follow(change);
      const { kind, engine: { id, url } } = change;
      if (kind === "removed") {
        proof.forget(id);
        witness.forget(id);
        canary?.forget(id);
      }
      if (kind !== "forgotten") return;
      for (const [key, { prefill, decode }] of counted) {
        if (prefill.url === url || decode.url === url) counted.delete(key);
      }
    },
    start(deps, ready, stopped) {
      if (times === undefined) return;
      const { intervalMs } = times;
      canary = new Canary({ ...deps, proof: { judge }, readCounters, headers }, {
        intervalMs,
        stopped,
      });
      canary.start(ready);
    },
    async [Symbol.asyncDispose]() {
      roles[Symbol.dispose]();
      await canary?.[Symbol.asyncDispose]();
      await questions[Symbol.asyncDispose]();
    },
  };
}

function differencesOf(
  { differences }: RoleWatch,
  { prefill, decode }: KvPair,
): ReadonlySet<Property> {
  return new Set(
    differences.filter(({ model, kv }) =>
      kv === decode.kv && prefill.models.includes(model) && decode.models.includes(model)
    ).map(({ property }) => property),
  );
}
