/** Engines, cards, and fleets over made-up engines, for the tests of this folder. @module */
import {
  createLogger,
  type Engine,
  type ErrorCode,
  RouterError,
  seededRandom,
} from "../../lib/base/mod.ts";
import {
  type EngineSource,
  type FetchCards,
  Fleet,
  type FleetOptions,
  type Health,
  type Outcome,
} from "../../lib/fleet/mod.ts";
import type { ModelCard } from "../../lib/openai/mod.ts";
import { GOOD, policiesFor, type Verdict } from "../../lib/selection/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** An engine named by `id` that serves `models`; without any, it is to be asked. */
export function engine(
  id: string,
  models: readonly string[] = [],
  more: Partial<Engine> = {},
): Engine {
  return { id, url: `http://${id}:8000`, role: "any", models, kv: "none", ...more };
}

/** A card per model. */
export function cards(models: readonly string[], maxModelLen?: number): readonly ModelCard[] {
  return models.map((id) => ({
    id,
    ...(maxModelLen === undefined ? {} : { max_model_len: maxModelLen }),
  }));
}

/** A failure of `code`. */
export function failure(code: ErrorCode): RouterError {
  return new RouterError(code, "It failed");
}

/** What an engine answers when it is asked for its models; an error when it does not. */
export type Reply = readonly ModelCard[] | Error;

/** A question that no reply is known for. */
export interface Waiting {
  readonly id: string;
  readonly signal: AbortSignal;
  readonly answer: PromiseWithResolvers<readonly ModelCard[]>;
}

/** Engines that are asked for their models: what they answer, and when they were asked. */
export class AskedEngines {
  readonly #clock: FakeClock;
  readonly replies = new Map<string, Reply>();
  readonly asked: (readonly [id: string, atMs: number])[] = [];
  readonly waiting: Waiting[] = [];

  constructor(clock: FakeClock, replies: Readonly<Record<string, Reply>> = {}) {
    this.#clock = clock;
    for (const [id, reply] of Object.entries(replies)) this.replies.set(id, reply);
  }

  /** When `id` was asked, in milliseconds from the start. */
  times(id: string): readonly number[] {
    return this.asked.filter(([asked]) => asked === id).map(([, atMs]) => atMs);
  }

  readonly fetch: FetchCards = ({ engine: { id } }, signal) => {
    this.asked.push([id, this.#clock.now()]);
    const reply = this.replies.get(id);
    if (reply instanceof Error) return Promise.reject(reply);
    if (reply !== undefined) return Promise.resolve(reply);
    const answer = Promise.withResolvers<readonly ModelCard[]>();
    signal.addEventListener("abort", () => answer.reject(new Error("aborted")), { once: true });
    this.waiting.push({ id, signal, answer });
    return answer.promise;
  };
}

/** What was written to a log, in the order it came. */
export class LogLines {
  readonly lines: string[] = [];
  readonly log: FleetOptions["log"];

  constructor(clock: FakeClock) {
    this.log = createLogger(clock, (line) => this.lines.push(line), {
      level: "info",
      format: "json",
    });
  }

  /** Level and message, with the models where there are some. */
  messages(): readonly string[] {
    return this.lines.map((line) => {
      const { level, message, models } = JSON.parse(line);
      return models === undefined ? `${level} ${message}` : `${level} ${message}: ${models}`;
    });
  }
}

/**
 * A plain health: an engine is good when it answered its last question for models, whatever it said,
 * and shut when it gave no answer. Pairs are always good.
 */
export function answeringHealth(): Health {
  const shut = new Map<string, Verdict>();
  return {
    report({ engine, leg, end, code }) {
      if (leg !== "models" || end === "left") return;
      if (end === "ok") shut.delete(engine.id);
      else shut.set(engine.id, { kind: "shut", why: code ?? "internal" });
    },
    engine: (id) => shut.get(id) ?? GOOD,
    pair: () => GOOD,
    forget: (id) => void shut.delete(id),
  };
}

/** A fleet over made-up engines, and all that it told. */
export class Scene implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly written = new LogLines(this.clock);
  readonly engines: AskedEngines;
  /** Kind and id of each change. */
  readonly told: string[] = [];
  readonly outcomes: Outcome[] = [];
  /** Id and kind of each verdict that is another than before. */
  readonly verdicts: string[] = [];
  /** Requests in flight by engine and leg, as the observer was told. */
  readonly counted = new Map<string, number>();
  /** Ids that policies were told to forget. */
  readonly forgotten: string[] = [];
  readonly fleet: Fleet;

  constructor(
    replies: Readonly<Record<string, Reply>> = {},
    options: Partial<
      Pick<FleetOptions, "health" | "maxEngines" | "fetchCards" | "fit" | "seats" | "slowStartMs">
    > = {},
  ) {
    this.engines = new AskedEngines(this.clock, replies);
    const policies = policiesFor({ kind: "roundrobin" });
    this.fleet = new Fleet({
      clock: this.clock,
      random: seededRandom(7),
      log: this.written.log,
      health: answeringHealth(),
      policies: {
        ...policies,
        direct: { ...policies.direct, forget: (id) => void this.forgotten.push(id) },
      },
      fetchCards: this.engines.fetch,
      observer: {
        onInflight: ({ id }, leg, delta) => {
          const key = `${id} ${leg}`;
          this.counted.set(key, (this.counted.get(key) ?? 0) + delta);
        },
        onOutcome: (outcome) => void this.outcomes.push(outcome),
        onVerdict: ({ id }, { kind }) => void this.verdicts.push(`${id} ${kind}`),
      },
      ...options,
    });
    this.fleet.watch(({ kind, engine: { id } }) => void this.told.push(`${kind} ${id}`));
  }

  /** Follow `source`; whether its first round is over. */
  follow(source: EngineSource): { readonly over: boolean } {
    const round = { over: false };
    this.fleet.follow(source).then(() => round.over = true);
    return round;
  }

  /** Ids in the view. */
  get ids(): readonly string[] {
    return this.fleet.snapshot().engines.map(({ id }) => id);
  }

  /** Outcomes of legs that are not the fleet's own questions: engine, leg, end. */
  get ends(): readonly string[] {
    return this.outcomes.filter(({ leg }) => leg !== "models")
      .map(({ engine: { id }, leg, end }) => `${id} ${leg} ${end}`);
  }

  /** What would serve a whole request for `model`. */
  direct(model: string): string | undefined {
    return this.fleet.chooseDirect({ model, attempt: 1 })?.id;
  }

  models(id: string): readonly string[] | undefined {
    return this.fleet.snapshot().find(id)?.models;
  }

  cards(id: string): readonly ModelCard[] | undefined {
    return this.fleet.snapshot().entries.find(({ engine }) => engine.id === id)?.cards;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fleet[Symbol.asyncDispose]();
  }
}
