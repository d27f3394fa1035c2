/**
 * Releases KV that moved to a decode engine and that no decode will read.
 *
 * LMCache's receiver keeps such pages until a request retrieves them (`remove_after_retrieve`), so
 * the only remedy from outside is a request that does: the same prompt, one token, answer thrown
 * away.
 * @module
 */
import { type ByteParts, describeError, type Engine, sleep } from "../base/mod.ts";
import type { HeaderField } from "../upstream/mod.ts";
import type { KvWaiter } from "../zmq/mod.ts";
import type { FlowDeps } from "./context.ts";
import { exchange, MAX_JSON_BYTES } from "./exchange.ts";
import { Gate } from "./gate.ts";
import type { PrefillEnd, PrefillResult } from "./prefill.ts";

/** What tells that KV has landed; disposed by whoever holds it last. */
export type Landing = Pick<KvWaiter, "wait" | "received" | "cancelled"> & Disposable;

/** For protocols in which the prefill's answer is all the news there is. */
export const NOTHING_AWAITED: Landing = {
  wait: () => Promise.resolve("ready"),
  received: () => 0,
  cancelled: false,
  [Symbol.dispose]: () => {},
};

/** KV on its way to, or at, an engine, that has lost its request. */
export interface AbandonedTransfer {
  /** Disposed by the drainer. */
  readonly landed: Landing;
  readonly decode: Engine;
  readonly prefill: Promise<PrefillEnd> | PrefillEnd;
  readonly path: string;
  /** The drain request, given the prefill's answer if there is one; undefined for none. */
  readonly body: (
    result: PrefillResult | undefined,
  ) => ByteParts | undefined | Promise<ByteParts | undefined>;
  readonly headers: readonly HeaderField[];
  /** What the decode engine was given is good for one request, so one sent is the only one. */
  readonly once?: boolean;
}

/** How the drainer works. */
export interface DrainerOptions {
  /** How long notifications are still watched for before KV is drained without them. */
  readonly graceMs: number;
}

type Result = "drained" | "nothing_moved" | "failed" | "stopped" | "too_many";

/** Drains at once per decode engine: releasing pages must not crowd out answers. */
const PLACES = 2;
const ATTEMPTS = 3;
const RETRY_MS = 1_000;
/** Transfers kept at once; beyond it a transfer is counted and let go. */
const MAX_PENDING = 4_096;

/** Takes transfers over and sees to them in the background. */
export class Drainer {
  readonly #deps: Omit<FlowDeps, "policies">;
  readonly #options: DrainerOptions;
  readonly #gates = new Map<string, Gate>();
  #pending = 0;

  constructor(deps: Omit<FlowDeps, "policies">, options: DrainerOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Transfers not yet seen to. */
  get pending(): number {
    return this.#pending;
  }

  /** Take `transfer` over, its waiter with it. */
  adopt(transfer: AbandonedTransfer): void {
    if (this.#pending >= MAX_PENDING) {
      transfer.landed[Symbol.dispose]();
      this.#count("too_many");
      return;
    }
    this.#setPending(1);
    const work = this.#run(transfer).then((result) => this.#count(result));
    this.#deps.background.run(work.finally(() => this.#setPending(-1)));
  }

  async #run(transfer: AbandonedTransfer): Promise<Result> {
    using landed = transfer.landed;
    const { signal } = this.#deps.background;
    const end = await transfer.prefill;
    if (end.kind === "refused" || (end.kind === "failed" && !end.sent)) return "nothing_moved";
    const wait = await landed.wait({ timeoutMs: this.#options.graceMs, signal });
    if (wait === "aborted") return "stopped";
    // An engine that took nothing on has moved nothing, if it has not said otherwise.
    const unmoved = end.kind === "failed" && end.told && landed.received() === 0;
    if (landed.cancelled || unmoved) return "nothing_moved";
    // Without all notifications the pages may be there all the same: one can get lost, and an engine
    // that died may have allocated pages, which nobody fills but every later request would find.
    let body: ByteParts | undefined;
    try {
      body = await transfer.body(end.kind === "ok" ? end.result : undefined);
    } catch (error) {
      this.#warn(transfer, describeError(error));
      return "failed";
    }
    return body === undefined ? "nothing_moved" : await this.#drain(transfer, body);
  }

  async #drain(transfer: AbandonedTransfer, body: ByteParts): Promise<Result> {
    const { signal } = this.#deps.background;
    const { decode } = transfer;
    const gate = this.#gates.get(decode.id) ?? new Gate(PLACES);
    this.#gates.set(decode.id, gate);
    const place = await gate.enter(signal);
    if (place === "aborted") return "stopped";
    using _place = place;
    for (let attempt = 1;; attempt++) {
      const problem = await this.#send(transfer, body);
      if (problem === undefined) return "drained";
      if (attempt === ATTEMPTS) {
        this.#warn(transfer, problem);
        return "failed";
      }
      if (await sleep(this.#deps.clock, RETRY_MS * attempt, signal) === "aborted") return "stopped";
    }
  }

  /** What went wrong; undefined for nothing. */
  async #send(transfer: AbandonedTransfer, body: ByteParts): Promise<string | undefined> {
    const { decode, path, headers } = transfer;
    try {
      using response = await exchange(this.#deps, decode, {
        path,
        headers,
        body,
        headTimeoutMs: this.#deps.timeouts.prefillMs,
        signal: this.#deps.background.signal,
      });
      await response.readAll(MAX_JSON_BYTES);
      return response.status === 200 ? undefined : `answered ${response.status}`;
    } catch (error) {
      return describeError(error);
    }
  }

  #warn({ decode, headers }: AbandonedTransfer, error: string): void {
    const [, request] = headers.find(([name]) => name === "x-request-id") ?? [];
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
