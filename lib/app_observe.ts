/** What is told of single requests, put together: who follows them, and what there is to see. @module */
import {
  type EnginesKnown,
  enginesLive,
  type LookedAt,
  pairsLive,
  routerLive,
} from "./app_observe_live.ts";
import type { Clock, Engine, Random } from "./base/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import type { Fleet, FleetChange } from "./fleet/mod.ts";
import type { Metrics } from "./metrics/mod.ts";
import type { RequestTrace } from "./request/mod.ts";
import {
  accessLog,
  type AskParts,
  type Kept,
  LiveFeed,
  RequestRecorder,
  type ViewDeps,
} from "./observe/mod.ts";

/** What requests are followed with. */
export interface ObserveParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  /** Takes a line of the access log; absent where nobody does. */
  readonly accessLine?: ((line: string) => void) | undefined;
  /** As `RecorderOptions.nextNumber`. */
  readonly nextNumber?: (() => number) | undefined;
  /** Told of every request that has ended; absent where none is traced. */
  readonly tracing?: { ended(trace: RequestTrace): void } | undefined;
}

/** Follows the requests of one router. */
export interface Observing {
  readonly recorder: RequestRecorder;
  /** Learn of engines that go. */
  follow(change: FleetChange): void;
  /**
   * What those who run the router may see; only where requests are kept for them. `all` asks the routers
   * that are seen as one with this one.
   */
  open(looked: LookedAt, engines: EnginesKnown, all?: AskParts): OpenObserving;
}

/** What there is to see. */
export interface OpenObserving {
  readonly kept: Kept;
  readonly view: ViewDeps;
  readonly live: LiveFeed;
}

/** Follow requests by what `configNow` gives at the moment; nothing is kept where nobody could look. */
export function wireObserving(
  configNow: () => Pick<RouterConfig, "observe" | "admin">,
  { clock, random, metrics, accessLine, nextNumber, tracing }: ObserveParts,
): Observing {
  const startedMs = clock.unixMs();
  const { admin, observe: { keepRequests } } = configNow();
  let fleet: Pick<Fleet, "snapshot"> | undefined;
  const view = { clock, idOf: idsIn(() => fleet?.snapshot().engines ?? []) };
  const log = accessLine && accessLog({
    ...view,
    random,
    write: accessLine,
    options: () => {
      const { accessShare: share, accessFormat: format } = configNow().observe;
      return { share, format };
    },
  });
  const recorder = new RequestRecorder({
    clock,
    metrics,
    nextNumber,
    keep: admin === undefined ? undefined : keepRequests,
    onEnded: tracing === undefined ? log : (trace, phases) => {
      tracing.ended(trace);
      log?.(trace, phases);
    },
  });
  return {
    recorder,
    follow({ kind, engine }) {
      if (kind === "forgotten") recorder.pairs.forget(engine.url);
    },
    open(looked, engines, all) {
      fleet = engines.fleet;
      const { kept } = recorder;
      if (kept === undefined) throw new TypeError("Nothing is kept of requests");
      const { version, config } = looked.deps();
      const live = new LiveFeed(view, {
        kept,
        hello: { version, started: startedMs / 1000, kv: config.handoff.kind },
        engines: () => enginesLive(looked, engines),
        pairs: () => pairsLive(looked, engines, { kept, recorder, clock }),
        router: () => routerLive(looked, kept),
        all,
      });
      return { kept, view, live };
    },
  };
}

/** Ids of engines by their URLs; made anew when there are others. */
function idsIn(engines: () => readonly Engine[]): ViewDeps["idOf"] {
  let known: readonly Engine[] = [];
  let ids = new Map<string, string>();
  return (url) => {
    const there = engines();
    if (there !== known) {
      known = there;
      ids = new Map(there.map((engine) => [engine.url, engine.id]));
    }
    return ids.get(url);
  };
}
