/**
 * Releases KV that moved to a decode engine and that no decode will read.
 *
 * LMCache's receiver keeps such pages until a request retrieves them (`remove_after_retrieve`), so
 * the only remedy from outside is a request that does: the same prompt, one token, answer thrown
 * away.
 * @module
 */
import {
  type AbortWatch,
  type ByteParts,
  type Clock,
  describeError,
  type Engine,
  errorCodeOf,
  isUnsent,
  type Lease,
  type Logger,
  sleep,
} from "../base/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import type { RawJson } from "../openai/mod.ts";
import type { HeaderField } from "../upstream/mod.ts";
import { Gates } from "./gate.ts";
import type { KvNews, PrefillFate, Transfer } from "./protocol.ts";

/** KV on its way to, or at, an engine, that has lost its request. */
export interface AbandonedTransfer {
  /** Its landing is disposed by the reclaimer. */
  readonly transfer: Pick<Transfer, "landed" | "reclaim">;
  readonly decode: Engine;
  /** Never rejects. */
  readonly prefill: Promise<PrefillFate> | PrefillFate;
  readonly path: string;
  readonly headers: readonly HeaderField[];
  /** The client's id of the request, for the log. */
  readonly requestId?: string;
  /**
   * The request that reads the KV, under the `params` that the protocol says; undefined when it cannot
   * be known what was moved. Rejects where finding that out fails.
   */
  readonly body: (
    params: RawJson | undefined,
  ) => ByteParts | undefined | Promise<ByteParts | undefined>;
  /** What `body` is made of is held by this. */
  readonly held?: Lease | undefined;
}

/** A request that reads KV to release it. */
export interface ReclaimRequest {
  readonly path: string;
  readonly headers: readonly HeaderField[];
  readonly body: ByteParts;
  /** False where what is sent is good for one use. */
  readonly replayable: boolean;
}

/** Sends it, and resolves to the status when the answer is complete. Rejects with `RouterError`. */
export type SendReclaim = (
  engine: Engine,
  request: ReclaimRequest,
  signal: AbortWatch,
) => Promise<number>;

/** What a reclaimer works with. */
export interface ReclaimDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, "count" | "set">;
  /** Looks after work to its end; its signal aborts when all of it shall end. */
  readonly background: { readonly signal: AbortWatch; run(work: Promise<unknown>): void };
  readonly send: SendReclaim;
  /** How long notifications are still watched for before KV is released without them. */
  readonly graceMs: number;
}

type Result = "drained" | "nothing_moved" | "failed" | "stopped" | "too_many";

/** What one try came to; "again" when another may do better. */
type TryEnd =
  | { readonly kind: "drained" }
  | { readonly kind: "stopped" }
  | { readonly kind: "again" | "failed"; readonly problem: string };

/** At once per decode engine: releasing pages must not crowd out answers. */
const PLACES = 2;
const ATTEMPTS = 3;
const RETRY_MS = 1_000;
/** Transfers kept at once; beyond it a transfer is counted and let go. */
const MAX_PENDING = 4_096;

/** Takes transfers over and sees to them in the background. */
export class Reclaimer {
  readonly #deps: ReclaimDeps;
  readonly #gates = new Gates(PLACES);
  #pending = 0;

  constructor(deps: ReclaimDeps) {
    this.#deps = deps;
  }

  /** Transfers not yet seen to. */
  get pending(): number {
    return this.#pending;
  }

  /** Engines whose releases wait or run. */
  get gates(): number {
    return this.#gates.size;
  }

  /** Take `held` over, its waiter with it. */
  adopt(held: AbandonedTransfer): void {
    if (held.transfer.reclaim === "none" || this.#pending >= MAX_PENDING) {
      held.transfer.landed[Symbol.dispose]();
      held.held?.release();
      if (held.transfer.reclaim !== "none") this.#count("too_many");
      return;
    }
    this.#setPending(1);
    const work = this.#run(held, held.transfer.reclaim).then((result) => this.#count(result));
    this.#deps.background.run(work.finally(() => this.#setPending(-1)));
  }

  async #run(
    held: AbandonedTransfer,
    reclaim: Exclude<Transfer["reclaim"], "none">,
  ): Promise<Result> {
    using landed = held.transfer.landed;
    using _held = held.held;
    const { signal } = this.#deps.background;
    const end = await held.prefill;
    if (end.kind === "refused" || (end.kind === "failed" && !end.sent)) return "nothing_moved";
    const wait = await landed.wait({ timeoutMs: this.#deps.graceMs, signal });
    if (wait === "aborted") return "stopped";
    // An engine that took nothing on has moved nothing, if it has not said otherwise.
    const unmoved = end.kind === "failed" && end.told && landed.received() === 0;
    // What was at an engine that was started anew has gone with it.
    const gone = landed.lost === held.decode.id;
    if (landed.cancelled || unmoved || gone) return "nothing_moved";
    // Without all notifications the pages may be there all the same: one can get lost, and an engine
    // that died may have allocated pages, which nobody fills but every later request would find.
    const news: KvNews | undefined = end.kind === "ok" ? end.result : undefined;
    const params = reclaim.params(news);
    if (params === "nothing") return "nothing_moved";
    let body: ByteParts | undefined;
    try {
      body = await held.body(params);
    } catch (error) {
      if (this.#isStop(error)) return "stopped";
      this.#warn(held, describeError(error));
      return "failed";
    }
    return body === undefined
      ? "nothing_moved"
      : await this.#release(held, body, !reclaim.singleUse);
  }

  async #release(
    held: AbandonedTransfer,
    body: ByteParts,
    replayable: boolean,
  ): Promise<Result> {
    const { signal } = this.#deps.background;
    const place = await this.#gates.enter(held.decode.id, signal);
    if (place === "aborted") return "stopped";
    using _place = place;
    for (let attempt = 1;; attempt++) {
      const end = await this.#send(held, body, replayable);
      if (end.kind === "drained" || end.kind === "stopped") return end.kind;
      if (end.kind === "failed" || attempt === ATTEMPTS) {
        this.#warn(held, end.problem);
        return "failed";
      }
      if (await sleep(this.#deps.clock, RETRY_MS * attempt, signal) === "aborted") return "stopped";
    }
  }

  /** One try. What is good for one use is not sent again once it may have arrived. */
  async #send(held: AbandonedTransfer, body: ByteParts, replayable: boolean): Promise<TryEnd> {
    const { decode, path, headers } = held;
    const { signal } = this.#deps.background;
    try {
      const status = await this.#deps.send(decode, { path, headers, body, replayable }, signal);
      if (status === 200) return { kind: "drained" };
      const refused = status >= 400 && status < 500;
      const problem = `answered ${status}`;
      return { kind: refused || !replayable ? "failed" : "again", problem };
    } catch (error) {
      if (this.#isStop(error)) return { kind: "stopped" };
      const arrived = !isUnsent(error);
      return { kind: arrived && !replayable ? "failed" : "again", problem: describeError(error) };
    }
  }

  /** Whether `error` comes of the router's own end, which says nothing of the engine. */
  #isStop(error: unknown): boolean {
    return this.#deps.background.signal.aborted || errorCodeOf(error) === "shutting-down";
  }

  #warn({ decode, headers, requestId }: AbandonedTransfer, error: string): void {
    const [, sent] = headers.find(([name]) => name === "x-request-id") ?? [];
    const request = requestId ?? sent;
    this.#deps.log.warning("Cannot drain KV", { request, url: decode.url, error });
  }

  #count(result: Result): void {
    this.#deps.metrics.count("pd_router_drains_total", { result });
  }

  #setPending(delta: number): void {
    this.#pending += delta;
    this.#deps.metrics.set("pd_router_drains_pending", {}, this.#pending);
  }
}
