/** Stories of requests in memory: what they work with, and a fleet that keeps what it is asked. @module */
import {
  createLogger,
  encodeUtf8,
  type Engine,
  type Mode,
  seededRandom,
} from "../../lib/base/mod.ts";
import {
  type GenerationForm,
  type GenerationRequest,
  readGeneration,
} from "../../lib/disagg/mod.ts";
import {
  type Asking,
  type DoubtedPair,
  type EngineFleet,
  FleetView,
  type Flight,
  type Leg,
  type Outcome,
  takeOff,
} from "../../lib/fleet/mod.ts";
import { type MetricName, Metrics } from "../../lib/metrics/mod.ts";
import { parseRequest, plainModelCard } from "../../lib/openai/mod.ts";
import {
  Background,
  type FlowDeps,
  type RequestContext,
  RequestTrace,
  RetryBudget,
} from "../../lib/request/mod.ts";
import {
  type ChoiceAsk,
  chooseDirect,
  choosePair,
  GOOD,
  idleCandidate,
  type PairAsk,
  type PairChoice,
  policiesFor,
  type Verdict,
} from "../../lib/selection/mod.ts";
import { FakeClock } from "./fake_clock.ts";
import { type EngineScript, ScriptedUpstream } from "./scripted_upstream.ts";

/** An engine called `id` that serves `m`; with `modes` it can receive KV over NIXL. */
export function engineOf(
  id: string,
  role: Engine["role"],
  kv: Engine["kv"] = "none",
  modes?: readonly Mode[],
): Engine {
  const nixl = modes && { host: id, initPorts: [7300], allocPorts: [7400], modes };
  return {
    id,
    url: `http://${id}:8000`,
    role,
    models: ["m"],
    kv,
    ...(nixl === undefined ? {} : { nixl }),
  };
}

/** A fleet of given engines that remembers what it is asked. */
export class FakeFleet implements EngineFleet {
  readonly pairAsks: Asking<PairAsk>[] = [];
  readonly directAsks: Asking<ChoiceAsk>[] = [];
  readonly outcomes: Outcome[] = [];
  /** What `choosePair` says in turn; then it chooses by itself. */
  readonly pairs: PairChoice[] = [];
  /** Models that were served once. */
  readonly seen = new Set<string>();
  /** Pairs that differ, as `<prefill>+<decode>` of their ids. */
  readonly unequal = new Set<string>();
  /** What holds for engines, by id; the others are good. */
  readonly verdicts = new Map<string, Verdict>();
  /** Flights that have not landed. */
  inflight = 0;
  readonly #clock: FakeClock;
  readonly #policies = policiesFor({ kind: "roundrobin" });
  #view = new FleetView([], []);

  constructor(clock: FakeClock, engines: readonly Engine[]) {
    this.#clock = clock;
    this.engines = engines;
  }

  /** Who is there from here on. */
  set engines(engines: readonly Engine[]) {
    const entries = engines.map((engine) => ({
      engine,
      cards: engine.models.map((id) => ({ ...plainModelCard(id, 1), max_model_len: 4096 })),
      created: 1,
    }));
    const { verdicts } = this;
    const candidates = engines.map((engine) => ({
      ...idleCandidate(engine),
      get verdict(): Verdict {
        return verdicts.get(engine.id) ?? GOOD;
      },
    }));
    this.#view = new FleetView(entries, candidates);
  }

  snapshot(): FleetView {
    return this.#view;
  }

  verdict({ id }: Engine): Verdict {
    return this.verdicts.get(id) ?? GOOD;
  }

  doubtedPairs(): readonly DoubtedPair[] {
    return [];
  }

  differ(prefill: Engine, decode: Engine): boolean {
    return this.unequal.has(`${prefill.id}+${decode.id}`);
  }

  hasSeen(model: string): boolean {
    return this.seen.has(model);
  }

  choosePair(ask: Asking<PairAsk>): PairChoice {
    this.pairAsks.push(ask);
    const universe = this.#view.engines;
    return this.pairs.shift() ??
      choosePair(this.#view.group(ask.model), this.#policies, { ...ask, universe });
  }

  chooseDirect(ask: Asking<ChoiceAsk>): Engine | undefined {
    this.directAsks.push(ask);
    const universe = this.#view.engines;
    return chooseDirect(this.#view.group(ask.model), this.#policies, { ...ask, universe });
  }

  take(engine: Engine, leg: Leg, peer?: Engine): Flight {
    this.inflight++;
    const onLanded = (outcome: Outcome): void => {
      this.inflight--;
      this.outcomes.push(outcome);
    };
    return takeOff({ clock: this.#clock, engine, leg, peer, onLanded });
  }

  /** How each flight ended, in the order in which they landed: `leg engine end [code]`. */
  get landed(): readonly string[] {
    return this.outcomes.map(({ engine, leg, end, code }) =>
      `${leg} ${engine.id} ${end}${code === undefined ? "" : ` ${code}`}`
    );
  }
}

/** What stories work with, and what a test sees of it. */
export interface FlowSetting extends AsyncDisposable {
  readonly flow: FlowDeps;
  readonly clock: FakeClock;
  readonly fleet: FakeFleet;
  readonly upstream: ScriptedUpstream;
  readonly metrics: Metrics;
  /** Log lines of every level, parsed, without their times. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
}

/** What stories work with before `engines`, which answer by `script`. */
export function flowSetting(engines: readonly Engine[], script: EngineScript): FlowSetting {
  const clock = new FakeClock();
  const lines: Readonly<Record<string, unknown>>[] = [];
  const log = createLogger(clock, (line) => {
    const { time: _time, ...rest } = JSON.parse(line);
    lines.push(rest);
  }, { level: "debug", format: "json" });
  const metrics = new Metrics();
  const fleet = new FakeFleet(clock, engines);
  const upstream = new ScriptedUpstream(script);
  const background = new Background(log);
  const timeouts = {
    connectMs: 1_000,
    tokenizeMs: 2_000,
    prefillMs: 2_000,
    prefillMsPerToken: 0,
    firstByteMs: 3_000,
    wholeAnswerMs: 4_000,
    streamIdleMs: 5_000,
  };
  const random = seededRandom(1);
  const breather = { tired: () => false, pause: () => Promise.resolve() };
  return {
    flow: {
      clock,
      random,
      log,
      metrics,
      fleet,
      upstream,
      background,
      retries: new RetryBudget(clock, { perRequest: 1, share: 0.1, perSecond: 3 }),
      timeouts,
      breather,
    },
    clock,
    fleet,
    upstream,
    metrics,
    lines,
    [Symbol.asyncDispose]: () => background[Symbol.asyncDispose](),
  };
}

/** The circumstances of a request called `r`. */
export function contextAt(clock: FakeClock, signal = new AbortController().signal): RequestContext {
  const headers = [["x-request-id", "r"]] as const;
  return { id: "r", sessionId: undefined, signal, headers, trace: new RequestTrace(clock) };
}

/** The request that `body` is, for model `m`. */
export function generationOf(
  form: GenerationForm,
  body: Readonly<Record<string, unknown>>,
): GenerationRequest {
  const text = JSON.stringify({ model: "m", ...body });
  return readGeneration(form, parseRequest(encodeUtf8(text)));
}

/** The series of `name` that are not 0, by their labels: `reason=suffix`, several with commas. */
export async function seriesOf(
  metrics: Metrics,
  name: MetricName,
): Promise<Readonly<Record<string, number>>> {
  const found = (await metrics.text()).matchAll(new RegExp(`^${name}\\{(.*)\\} (\\S+)$`, "gm"));
  const all = [...found].map(([, labels = "", value]) =>
    [labels.replaceAll('"', ""), Number(value)] as const
  );
  return Object.fromEntries(all.filter(([, value]) => value !== 0));
}
