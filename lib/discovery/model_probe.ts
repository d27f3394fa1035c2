/** Asks engines which models they serve, until they say so and now and then after. @module */
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

/** Fetches one engine's model cards; rejects when it cannot. */
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
}

/** First wait after a failure; it doubles up to the longest. */
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5_000;
/** Longest first round, in milliseconds: one silent engine must not keep requests from the others. */
export const FIRST_ROUND_MS = 5_000;
/** Between successful probes: an engine may be restarted with another model. */
const REFRESH_MS = 30_000;

/**
 * Adds the configured engines to the directory and keeps their cards fresh. Models that were
 * configured stay as they are; others are read from the engine's `/v1/models`.
 *
 * `firstRound` resolves when every engine has been asked once, whatever came of it, and after
 * `FIRST_ROUND_MS` at the latest.
 */
export function startModelProbe(
  engines: readonly Engine[],
  deps: ModelProbeDeps,
): AsyncDisposable & { readonly firstRound: Promise<void> } {
  const stop = new AbortController();
  const first: Promise<void>[] = [];
  const loops = engines.map((engine) => {
    const created = Math.floor(deps.clock.unixMs() / 1000);
    const cards = engine.models.map((model) => plainModelCard(model, created));
    deps.directory.upsert({ engine, cards, created });
    const asked = Promise.withResolvers<void>();
    first.push(asked.promise);
    return watch(engine, created, deps, stop.signal, asked.resolve);
  });
  const ended = new AbortController();
  const allAsked = Promise.all(first).then(() => ended.abort());
  return {
    firstRound: Promise.race([allAsked, sleep(deps.clock, FIRST_ROUND_MS, ended.signal)])
      .then(() => {}),
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

async function watch(
  configured: Engine,
  created: number,
  deps: ModelProbeDeps,
  signal: AbortSignal,
  asked: () => void,
): Promise<void> {
  const { clock, random, log, directory } = deps;
  let retryMs = FIRST_RETRY_MS;
  let failing = false;
  let known = "";
  while (!signal.aborted) {
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
    } catch (error) {
      if (signal.aborted) break;
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
    await sleep(clock, waitMs, signal);
  }
}
