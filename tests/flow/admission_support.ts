/** A fleet with seats, and generation requests before its engines in memory. @module */
import { startHandoff } from "../../lib/app_handoff.ts";
import { type Engine, seededRandom, silentLogger } from "../../lib/base/mod.ts";
import { EngineHealth, Fleet, type SeatLimits } from "../../lib/fleet/mod.ts";
import { Admission, type GenerateDeps } from "../../lib/flow/mod.ts";
import { Metrics } from "../../lib/metrics/mod.ts";
import type { RequestContext } from "../../lib/request/mod.ts";
import { policiesFor } from "../../lib/selection/mod.ts";
import { configOf, FLEET } from "../config/support.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { FakePull } from "../support/fake_pull.ts";
import { contextAt, type FlowSetting, flowSetting } from "../support/flow_fakes.ts";
import { ScriptedSource } from "../support/scripted_source.ts";
import type { EngineScript } from "../support/scripted_upstream.ts";

/** The bounds of a test's admission. */
export interface Bounds extends Partial<SeatLimits> {
  readonly size?: number;
  readonly timeoutMs?: number;
}

/** How long anybody waits where a test does not say. */
export const QUEUE_MS = 1_000;

/** Longest wait for notifications of KV. */
const KV_MS = 50;

/** A fleet that changes when told to, and admission to it. */
export class Doorway implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly metrics: Metrics;
  readonly source: ScriptedSource;
  readonly fleet: Fleet;
  readonly admission: Admission;

  private constructor(
    engines: readonly Engine[],
    bounds: Bounds,
    clock: FakeClock,
    metrics: Metrics,
  ) {
    this.clock = clock;
    this.metrics = metrics;
    this.source = ScriptedSource.of(engines);
    const log = silentLogger();
    const random = seededRandom(3);
    const pauses = { pauseMs: 100, maxPauseMs: 1_000 };
    this.fleet = new Fleet({
      clock,
      random,
      log,
      health: new EngineHealth({
        clock,
        random,
        log,
        rules: {
          engine: { failures: 3, ...pauses },
          pair: { failures: 2, ...pauses },
          maxShutShare: 0.5,
        },
      }),
      policies: policiesFor({ kind: "roundrobin" }),
      fetchCards: ({ engine: { models } }) => Promise.resolve(models.map((id) => ({ id }))),
      observer: { onInflight: () => {}, onOutcome: () => {}, onVerdict: () => {} },
      seats: { prefill: bounds.prefill ?? 1, serving: bounds.serving ?? 1 },
    });
    const { size = 8, timeoutMs = QUEUE_MS } = bounds;
    this.admission = new Admission({ clock, metrics, fleet: this.fleet, size, timeoutMs });
  }

  /** One whose engines are there. */
  static async open(
    engines: readonly Engine[],
    bounds: Bounds = {},
    clock = new FakeClock(),
    metrics = new Metrics(),
  ): Promise<Doorway> {
    const doorway = new Doorway(engines, bounds, clock, metrics);
    doorway.fleet.follow(doorway.source);
    await settle();
    return doorway;
  }

  /** What is taken, and who waits. */
  get taken(): readonly [seats: number, kvBytes: number, waiting: number] {
    const { seats, kvBytes } = this.fleet.seated;
    return [seats, kvBytes, this.admission.waiting];
  }

  /** The circumstances of a request, by key where it has one. */
  context(key?: string, signal?: AbortSignal): RequestContext {
    return { ...contextAt(this.clock, signal), ...(key === undefined ? {} : { key }) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.admission[Symbol.dispose]();
    await this.fleet[Symbol.asyncDispose]();
  }
}

/** Generation requests before engines that answer by `script`, with seats. */
export interface Crowd extends FlowSetting {
  readonly doorway: Doorway;
  readonly deps: GenerateDeps;
}

/** Runs `run`, then fails unless everything that was taken has been given back. */
export async function withCrowd(
  engines: readonly Engine[],
  script: EngineScript,
  bounds: Bounds,
  run: (crowd: Crowd) => Promise<void>,
): Promise<void> {
  const pull = new FakePull();
  await using flowing = flowSetting(engines, async (sent) => {
    const reply = await script(sent);
    const told = sent.text === "" ? undefined : JSON.parse(sent.text).kv_transfer_params;
    const kvId = told?.disagg_spec?.req_id;
    if (kvId !== undefined && !(reply instanceof Error) && reply.status === 200) pull.notify(kvId);
    return reply;
  });
  const { clock, metrics } = flowing;
  await using doorway = await Doorway.open(engines, bounds, clock, metrics);
  const flow = { ...flowing.flow, fleet: doorway.fleet };
  const { doors } = configOf({ flags: FLEET });
  const lmcache = {
    kind: "lmcache",
    proxy: { host: "127.0.0.1", port: 0 },
    proxySocket: "builtin",
    kvReadyTimeoutMs: KV_MS,
    kvTimeoutPolicy: "retry",
    keys: "own",
    finishedReqTtlMs: 1_000,
    cleanupIntervalMs: 500,
  } as const;
  const tokenize = { how: "engine", cacheBytes: 0 } as const;
  await using handoff = await startHandoff(lmcache, flow, { tokenize, doors }, {
    bindPull: pull.bind,
  });
  const deps: GenerateDeps = {
    ...handoff.deps,
    admission: doorway.admission,
    trustClientKvParams: false,
    lmcacheTagDirect: false,
    failurePolicy: "direct",
    fallbackShare: 1,
    continueStreams: false,
  };
  await run({ ...flowing, doorway, deps });
}
