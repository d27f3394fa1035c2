/** Who may go to the engines, and who waits before them: seats are taken as engines are chosen. @module */
import type { Engine, Lease } from "../base/mod.ts";
import type { Asking, EngineFleet, PairSeats, Seating } from "../fleet/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import { clientGone, type RequestContext } from "../request/mod.ts";
import type {
  ChoiceAsk,
  FullPair,
  NoPair,
  Pair,
  PairAsk,
  PairChoice,
  Takes,
} from "../selection/mod.ts";
import { AdmissionQueue, type QueueOptions } from "./admission_queue.ts";
import { type Full, Pace, refusedError } from "./refused.ts";

/** The fleet as admission sees it. */
export type AdmissionFleet =
  & Pick<EngineFleet, "choosePair" | "chooseDirect" | "snapshot">
  & Seating;

/** What admission works with. */
export interface AdmissionOptions extends Omit<QueueOptions, "awaited"> {
  readonly metrics: Pick<Metrics, "count" | "observe">;
  readonly fleet: AdmissionFleet;
}

/** What flows use of admission. */
export interface AdmissionDeps {
  /** Absent where nothing is bounded. */
  readonly admission?: Admission | undefined;
}

/** A pair, whose seats are taken where there is admission; or why there is none. */
export type AdmittedPair =
  | (Extract<PairChoice, { readonly kind: "pair" }> & { readonly seats?: PairSeats })
  | NoPair
  /** Every pair is to be gone around, and there is something better; or the pair was declined. */
  | { readonly kind: "shut" };

/** An engine with a seat of it, where there is admission. */
export interface AdmittedEngine {
  readonly engine: Engine;
  readonly seat?: Lease;
}

/** A wish for a pair. */
export interface PairWish {
  readonly ask: Asking<PairAsk>;
  /** Tokens of the prompt whose KV is handed over, as far as is known. */
  readonly promptTokens: () => number;
  /** Whether there is something better than pairs that are to be gone around. */
  readonly elsewhere: () => boolean;
  /**
   * Whether the pair there is will not do. Asked once there is one, before anything of it is taken: what
   * is not declined is gone on with.
   */
  readonly declines?: (pair: Pair) => boolean;
  /** As `Standing.priority`. */
  readonly priority: () => number;
}

/** A wish for an engine. */
export interface DirectWish {
  readonly ask: Asking<ChoiceAsk>;
  /** The only one that will do. */
  readonly engine?: Engine | undefined;
  /** As `Roomy.share`. */
  readonly share?: number | undefined;
  /** As `Standing.priority`. */
  readonly priority: () => number;
}

/** What comes of a choice for `wish`. */
export function pairOrElse<Choice extends PairChoice | FullPair>(
  choice: Choice,
  { elsewhere, declines }: Pick<PairWish, "elsewhere" | "declines">,
): Choice | { readonly kind: "shut" } {
  if (choice.kind === "none") return choice;
  // KV of engines that differ is not one another's, whatever else is left.
  const never = choice.shut === "pair-unequal";
  if (never || (choice.shut !== undefined && elsewhere())) return { kind: "shut" };
  return choice.kind === "pair" && declines?.(choice.pair) === true ? { kind: "shut" } : choice;
}

/** What is to be taken, and in which lane it is waited for. */
interface Wish<T> {
  readonly model: string;
  readonly lane: () => string;
  readonly priority: () => number;
  /** What is taken, or what is full. */
  readonly take: () => T | Full;
  readonly giveBack: (taken: T) => void;
  /** What is full, as far as that can be told; nothing is taken. */
  readonly full: () => Full;
}

/** An engine, where there is any. */
interface TakenEngine {
  readonly kind: "engine";
  readonly some: AdmittedEngine | undefined;
}

/** Gives seats, and has those wait for whom there is none. */
export class Admission implements Disposable {
  readonly #options: AdmissionOptions;
  readonly #queue: AdmissionQueue;
  readonly #pace: Pace;
  readonly #watch: Disposable;
  /** Numbers for what decode engines must be able to take. */
  readonly #takes = new WeakMap<Takes, number>();
  #kinds = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    const { clock, onFirst, fleet } = options;
    this.#queue = new AdmissionQueue({
      ...{ clock, onFirst },
      get size() {
        return options.size;
      },
      get timeoutMs() {
        return options.timeoutMs;
      },
      awaited: (model) => fleet.isAwaitedElsewhere(model),
    });
    this.#pace = new Pace(options.clock);
    this.#watch = options.fleet.watchRoom((engine) => this.#queue.serve(engine?.models));
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Requests that wait here; and 1 where any do at other routers, as far as is heard. */
  get stats(): { readonly queued: number; readonly elsewhere: number } {
    const { fleet } = this.#options;
    const elsewhere = fleet.snapshot().engines.some(({ models }) =>
      models.some((model) => fleet.isAwaitedElsewhere(model))
    );
    return { queued: this.waiting, elsewhere: Number(elsewhere) };
  }

  /** Whether requests for any of `models` wait, but for those that go behind others. */
  awaits(models: readonly string[]): boolean {
    return this.#queue.awaits(models);
  }

  /**
   * The two engines of a handoff, at once where there is room, else when there is. Throws `overloaded`,
   * `rate-limited`, `shutting-down` and `client-gone`.
   */
  pair(context: RequestContext, wish: PairWish): AdmittedPair | Promise<AdmittedPair> {
    return this.#admit(context, {
      model: wish.ask.model,
      priority: wish.priority,
      lane: () => this.#laneOf(wish),
      take: () => this.#takePair(wish),
      giveBack: (taken) => taken.kind === "pair" && taken.seats?.[Symbol.dispose](),
      full: () => this.#fullPair(wish),
    });
  }

  /** One engine for a whole request; undefined where none serves its model. Throws as `pair`. */
  direct(
    context: RequestContext,
    wish: DirectWish,
  ): AdmittedEngine | undefined | Promise<AdmittedEngine | undefined> {
    const { ask: { model, exclude = [] }, engine, share, priority } = wish;
    const taken = this.#admit(context, {
      model,
      priority,
      lane: () => JSON.stringify([model, engine?.id, share, exclude]),
      take: () => this.#takeEngine(wish),
      giveBack: ({ some }) => some?.seat?.release(),
      full: () => FULL_DIRECT,
    });
    return taken instanceof Promise ? taken.then(({ some }) => some) : taken.some;
  }

  /** The same where there is room at once; undefined where not. */
  directNow(wish: DirectWish): AdmittedEngine | undefined {
    const taken = this.#takeEngine(wish);
    return taken.kind === "full" ? undefined : taken.some;
  }

  /** Whoever waits, and whoever would, is told that the router is stopping. */
  close(): void {
    this.#queue.close();
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.close();
  }

  #takePair(wish: PairWish): AdmittedPair | Full {
    const { fleet } = this.#options;
    const tokens = wish.promptTokens();
    const choice = pairOrElse(fleet.choosePair({ ...wish.ask, tokens }), wish);
    if (choice.kind !== "pair") return choice;
    return { ...choice, seats: fleet.seatPair(choice.pair, tokens) };
  }

  #fullPair({ ask, promptTokens }: PairWish): Full {
    const choice = this.#options.fleet.choosePair({ ...ask, tokens: promptTokens() });
    // Where there is room, others wait for it who came before.
    return choice.kind === "full" ? choice : FULL_DIRECT;
  }

  #takeEngine({ engine, ask, share }: DirectWish): TakenEngine | Full {
    const { fleet } = this.#options;
    if (engine !== undefined && !fleet.hasSeat(engine)) return FULL_DIRECT;
    const chosen = engine ?? fleet.chooseDirect({ ...ask, tokens: 0, share });
    if (chosen !== undefined) {
      return { kind: "engine", some: { engine: chosen, seat: fleet.seat(chosen) } };
    }
    const { direct } = fleet.snapshot().group(ask.model);
    const serves = direct.some(({ verdict: { kind } }) => kind !== "leaving");
    return serves ? FULL_DIRECT : { kind: "engine", some: undefined };
  }

  /** Requests that may get the same pairs wait in one lane. */
  #laneOf({ ask: { model, mode, takes, exclude = [] } }: PairWish): string {
    let number = this.#takes.get(takes);
    if (number === undefined) this.#takes.set(takes, number = this.#kinds++);
    return JSON.stringify([model, mode, number, exclude]);
  }

  #admit<T extends { readonly kind: string }>(
    context: RequestContext,
    wish: Wish<T>,
  ): T | Promise<T> {
    // Others that wait for the same go first.
    const { behind = false } = context;
    if (this.#queue.anybody(behind) && this.#queue.has(wish.lane(), behind)) {
      return this.#wait(context, wish);
    }
    // Be they other routers'.
    if (behind && this.#options.fleet.isAwaitedElsewhere(wish.model)) {
      return this.#wait(context, wish);
    }
    const taken = wish.take();
    return isFull(taken) ? this.#wait(context, wish, taken) : taken;
  }

  async #wait<T extends { readonly kind: string }>(
    context: RequestContext,
    wish: Wish<T>,
    known?: Full,
  ): Promise<T> {
    const { clock, metrics } = this.#options;
    const { model, lane, priority } = wish;
    const began = clock.now();
    let full = known;
    let served: T | undefined;
    const ending = this.#queue.wait({
      key: context.key ?? "",
      lane: lane(),
      priority: priority(),
      behind: context.behind,
      model,
      signal: context.signal,
      onWaiting: () => context.onQueued?.(),
      take: () => {
        const taken = wish.take();
        if (isFull(taken)) full = taken;
        else served = taken;
        return served !== undefined;
      },
    });
    context.trace.add("queued");
    const end = await ending;
    const seconds = (clock.now() - began) / 1000;
    metrics.observe("pd_router_queue_wait_seconds", { end: end.kind }, seconds);
    if (served !== undefined) {
      context.trace.add("admitted");
      this.#pace.served(this.#queue.length > 0);
      if (!context.signal.aborted) return served;
      wish.giveBack(served);
    }
    if (end.kind !== "refused") throw clientGone();
    const { size, timeoutMs } = this.#options;
    const reason = end.ownShare ? "share" : end.why;
    metrics.count("pd_router_queue_refusals_total", { reason });
    const retryMs = this.#pace.waitMs(this.#queue.length);
    const what = full ?? wish.full();
    throw refusedError(end, { full: what, model, key: context.key, size, timeoutMs, retryMs });
  }
}

const FULL_DIRECT: Full = Object.freeze({ kind: "full", leg: "direct" });

function isFull<T extends { readonly kind: string }>(taken: T | Full): taken is Full {
  return taken.kind === "full";
}
