/** Asks one engine which models it serves, and so whether it is there, as long as it is watched. @module */
import {
  type Clock,
  describeError,
  type Engine,
  type Logger,
  type Random,
  RouterError,
  sleep,
  type Timer,
} from "../base/mod.ts";
import { cardsFor, type ModelCard } from "../openai/mod.ts";
import type { Flight } from "./flight.ts";

/** The engine is there, and answered without a list of models. */
export class NoModelList extends Error {
  override readonly name = "NoModelList";
}

/**
 * Fetches the model cards of a flight's engine. Rejects with `NoModelList`, or what kept it from an
 * answer; how the flight ended is said by whoever asked.
 */
export type FetchCards = (flight: Flight, signal: AbortSignal) => Promise<readonly ModelCard[]>;

/** What a watcher needs. */
export interface WatcherDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly fetchCards: FetchCards;
  /** The engine's record, as its source has it. */
  readonly engine: () => Engine;
  readonly take: () => Flight;
  /** The engine's cards are others than before. */
  readonly onCards: (cards: readonly ModelCard[]) => void;
}

/** First wait after a failure, which doubles up to the longest; and the least between two. */
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5_000;
/** Between successful questions: an engine may be restarted with another model. */
const REFRESH_MS = 30_000;
/** How soon an engine must answer that other requests have waited for in vain. */
const URGENT_MS = 1_000;

/** Watches until it is disposed. */
export class ModelWatcher implements AsyncDisposable {
  /** Resolves when the engine has been asked once, whatever came of it. */
  readonly asked: Promise<void>;
  readonly #deps: WatcherDeps;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #asked = Promise.withResolvers<void>();
  /** Ends the wait for the next question. */
  #wait: AbortController | undefined;
  #failing = false;
  #known = "";
  #retryMs = FIRST_RETRY_MS;
  /** Ends the question under way, when there is one. */
  #late: AbortController | undefined;
  #urgent = false;
  #hurrying: Timer | undefined;
  /** Resolved when a question has been asked that was not under way when it was wanted. */
  #wanted: PromiseWithResolvers<void> | undefined;

  constructor(deps: WatcherDeps) {
    this.#deps = deps;
    this.asked = this.#asked.promise;
    this.#running = this.#run();
  }

  /** Ask as soon as may be; resolves when that has been done, whatever came of it, or when it has ended. */
  ask(): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.resolve();
    this.#wanted ??= Promise.withResolvers();
    this.#wait?.abort();
    return this.#wanted.promise;
  }

  /** Ask soon: something else that was asked of the engine has failed. */
  askSoon(): void {
    this.#wait?.abort();
  }

  /** Ask now, and wait for `URGENT_MS` at most: requests to the engine are overdue. */
  askUrgently(): void {
    if (this.#urgent) return;
    this.#urgent = true;
    if (this.#late === undefined) this.#wait?.abort();
    else this.#hurry(this.#late);
  }

  /** Ask soon, as the engine's record is another: what it answers is news, whatever it was before. */
  askAnew(): void {
    this.#known = "";
    this.#wait?.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#wanted?.resolve();
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const askedAt = clock.now();
      const wanted = this.#wanted;
      this.#wanted = undefined;
      const answered = await this.#ask(signal);
      this.#asked.resolve();
      wanted?.resolve();
      await this.#rest(answered ? REFRESH_MS : this.#backOff());
      await sleep(clock, askedAt + FIRST_RETRY_MS - clock.now(), signal);
    }
  }

  #backOff(): number {
    const waitMs = this.#retryMs * (0.5 + this.#deps.random.next());
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    return waitMs;
  }

  async #rest(ms: number): Promise<void> {
    if (this.#wanted !== undefined) return;
    const wait = new AbortController();
    this.#wait = wait;
    await sleep(this.#deps.clock, ms, AbortSignal.any([this.#stop.signal, wait.signal]));
    this.#wait = undefined;
  }

  /** `late` aborts soon, unless it is answered before. */
  #hurry(late: AbortController): void {
    this.#hurrying = this.#deps.clock.after(URGENT_MS, () => late.abort());
  }

  async #fetch(flight: Flight, signal: AbortSignal): Promise<readonly ModelCard[]> {
    const late = new AbortController();
    const stop = (): void => late.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    this.#late = late;
    if (this.#urgent) this.#hurry(late);
    try {
      return await this.#deps.fetchCards(flight, late.signal);
    } catch (error) {
      if (signal.aborted || !late.signal.aborted) throw error;
      throw new RouterError(
        "upstream-timeout",
        `Engine ${flight.engine.url} did not answer /v1/models within ${URGENT_MS} ms, and nothing else`,
        { cause: error },
      );
    } finally {
      this.#late = undefined;
      this.#urgent = false;
      this.#hurrying?.cancel();
      this.#hurrying = undefined;
      signal.removeEventListener("abort", stop);
    }
  }

  /** Whether it gave a list of models. */
  async #ask(signal: AbortSignal): Promise<boolean> {
    using flight = this.#deps.take();
    try {
      const cards = await this.#fetch(flight, signal);
      if (signal.aborted) return true;
      flight.ok();
      this.#learn(cards);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (error instanceof NoModelList) flight.ok();
      else flight.failed(error);
      this.#complain(error);
      return false;
    }
  }

  #learn(cards: readonly ModelCard[]): void {
    const { log, onCards, engine } = this.#deps;
    const { url, role, models } = engine();
    const kept = cardsFor(models, cards);
    const said = JSON.stringify(kept, lasting);
    if (said !== this.#known) {
      this.#known = said;
      onCards(cards);
      const served = models.length > 0 ? models : cards.map(({ id }) => id);
      log.info("Engine answers", () => ({ url, role, models: served.join(",") }));
    } else if (this.#failing) log.info("Engine answers again", { url });
    this.#failing = false;
    this.#retryMs = FIRST_RETRY_MS;
  }

  #complain(error: unknown): void {
    if (!this.#failing) {
      this.#deps.log.warning("Cannot read an engine's models", () => ({
        url: this.#deps.engine().url,
        error: describeError(error),
      }));
    }
    this.#failing = true;
  }
}

/** Leaves out what vLLM makes anew for each answer (`ModelCard`: `created`, `permission`). */
function lasting(key: string, value: unknown): unknown {
  return key === "created" || key === "permission" ? undefined : value;
}
