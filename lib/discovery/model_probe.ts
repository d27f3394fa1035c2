/** Asks engines which models they serve, and so whether they are there. @module */
import {
  type Clock,
  describeError,
  type Engine,
  type Logger,
  type Random,
  sleep,
} from "../base/mod.ts";
import { type ModelCard, plainModelCard } from "../openai/mod.ts";
import type { EngineDirectory } from "./directory.ts";

/** The engine is there, and answered without a list of models. */
export class NoModelList extends Error {
  override readonly name = "NoModelList";
}

/** Fetches one engine's model cards. Rejects with `NoModelList`, or what kept it from an answer. */
export type FetchCards = (
  engine: Engine,
  signal: AbortSignal,
) => Promise<readonly ModelCard[]>;

/** What the probe needs. */
export interface ModelProbeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly directory: EngineDirectory;
  readonly fetchCards: FetchCards;
  /** Told after each time an engine was asked whether it answered. */
  readonly onAsked?: (engine: Engine, answered: boolean) => void;
}

/** A running probe. */
export interface ModelProbe extends AsyncDisposable {
  /**
   * Resolves when every engine has been asked once, whatever came of it, and after
   * `FIRST_ROUND_MS` at the latest.
   */
  readonly firstRound: Promise<void>;
  /** Ask this engine soon: something else that was asked of it has failed. */
  doubt(id: string): void;
}

/** First wait after a failure, which doubles up to the longest; and the least between two. */
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5_000;
/** Longest first round, in milliseconds: one silent engine must not keep requests from the others. */
export const FIRST_ROUND_MS = 5_000;
/** Between successful probes: an engine may be restarted with another model. */
const REFRESH_MS = 30_000;

/**
 * Adds the configured engines to the directory and keeps their cards fresh. Models that were
 * configured stay as they are; others are read from the engine's `/v1/models`. An engine that gives
 * no answer at all is marked as silent until it does.
 */
export function startModelProbe(
  engines: readonly Engine[],
  deps: ModelProbeDeps,
): ModelProbe {
  const stop = new AbortController();
  const waits = new Map<string, AbortController>();
  const first: Promise<void>[] = [];
  const loops = engines.map((engine) => {
    const created = Math.floor(deps.clock.unixMs() / 1000);
    const cards = engine.models.map((model) => plainModelCard(model, created));
    deps.directory.upsert({ engine, cards, created });
    const asked = Promise.withResolvers<void>();
    first.push(asked.promise);
    return watch(engine, created, deps, { stop: stop.signal, waits, asked: asked.resolve });
  });
  const ended = new AbortController();
  const allAsked = Promise.all(first).then(() => ended.abort());
  return {
    firstRound: Promise.race([allAsked, sleep(deps.clock, FIRST_ROUND_MS, ended.signal)])
      .then(() => {}),
    doubt: (id) => waits.get(id)?.abort(),
    async [Symbol.asyncDispose]() {
      stop.abort();
      ended.abort();
      await Promise.all(loops);
    },
  };
}

/** Leaves out what vLLM makes anew for each answer (`ModelCard`: `created`, `permission`). */
function lasting(key: string, value: unknown): unknown {
  return key === "created" || key === "permission" ? undefined : value;
}

interface Watch {
  readonly stop: AbortSignal;
  /** What ends the wait for the next question, by engine; there while it is waited for. */
  readonly waits: Map<string, AbortController>;
  /** The first question has ended. */
  readonly asked: () => void;
}

async function watch(
  configured: Engine,
  created: number,
  deps: ModelProbeDeps,
  { stop: signal, waits, asked }: Watch,
): Promise<void> {
  const { clock, random, log, directory } = deps;
  const { id } = configured;
  const note = (answers: boolean): void => {
    directory.setSilent(id, !answers);
    deps.onAsked?.(configured, answers);
  };
  let retryMs = FIRST_RETRY_MS;
  let failing = false;
  let known = "";
  while (!signal.aborted) {
    const askedAt = clock.now();
    let waitMs = REFRESH_MS;
    try {
      const cards = await deps.fetchCards(configured, signal);
      const served = cards.map((card) => card.id);
      const fixed = configured.models.length > 0;
      const engine = fixed ? configured : { ...configured, models: served };
      const kept = fixed ? cards.filter((card) => configured.models.includes(card.id)) : cards;
      const said = JSON.stringify(kept, lasting);
      if (!signal.aborted && said !== known) {
        known = said;
        if (!fixed || kept.length > 0) directory.upsert({ engine, cards: kept, created });
        log.info("Engine answers", () => ({
          url: configured.url,
          role: configured.role,
          models: engine.models.join(","),
        }));
      } else if (failing) log.info("Engine answers again", { url: configured.url });
      failing = false;
      retryMs = FIRST_RETRY_MS;
      if (!signal.aborted) note(true);
    } catch (error) {
      if (signal.aborted) break;
      note(error instanceof NoModelList);
      if (!failing) {
        log.warning("Cannot read an engine's models", () => ({
          url: configured.url,
          error: describeError(error),
        }));
      }
      failing = true;
      waitMs = retryMs * (0.5 + random.next());
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    } finally {
      asked();
    }
    const wait = new AbortController();
    waits.set(id, wait);
    await sleep(clock, waitMs, AbortSignal.any([signal, wait.signal]));
    waits.delete(id);
    await sleep(clock, askedAt + FIRST_RETRY_MS - clock.now(), signal);
  }
}
