/** Who answers for KV that may be at a decode engine, until a decode has read it. @module */
import type { AbortWatch, WaitEnd } from "../base/mod.ts";
import { type Landing, NOTHING_AWAITED } from "./landing.ts";
import type { AbandonedTransfer, Reclaimer } from "./reclaim.ts";

/**
 * Holds one transfer. Whoever holds it either says that a decode has read the KV, or leaves it to
 * the reclaimer; disposed without a word, it is left to the reclaimer too.
 */
export class Custody implements Disposable {
  #held: AbandonedTransfer | undefined;
  readonly #reclaimer: Pick<Reclaimer, "adopt">;

  constructor(reclaimer: Pick<Reclaimer, "adopt">, held: AbandonedTransfer | undefined) {
    this.#reclaimer = reclaimer;
    this.#held = held;
  }

  /** Whether there is news of the KV to wait for, beside the prefill's answer. */
  get awaitsNews(): boolean {
    return this.#held !== undefined && this.#held.transfer.landed !== NOTHING_AWAITED;
  }

  /** Wait for the KV-ready notifications; `ready` at once when there are none to come. */
  async wait(timeoutMs: number, signal: AbortWatch): Promise<WaitEnd> {
    return await this.#held?.transfer.landed.wait({ timeoutMs, signal }) ?? "ready";
  }

  /** What has come of the KV so far; undefined where it is somebody else's. */
  get landing(): Pick<Landing, "received" | "cancelled" | "lost"> | undefined {
    return this.#held?.transfer.landed;
  }

  /** The KV was read, or never moved. */
  release(): void {
    const held = this.#held;
    this.#held = undefined;
    held?.transfer.landed[Symbol.dispose]();
    held?.held?.release();
  }

  /** The decode leg is on its way: what may be used once cannot be used to reclaim any more. */
  sent(): void {
    const reclaim = this.#held?.transfer.reclaim;
    if (reclaim !== undefined && reclaim !== "none" && reclaim.singleUse) this.release();
  }

  /** Nobody will read the KV: have it released. */
  abandon(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#reclaimer.adopt(held);
  }

  /** Hand the transfer to another holder; this one then holds nothing. */
  move(): Custody {
    const moved = new Custody(this.#reclaimer, this.#held);
    this.#held = undefined;
    return moved;
  }

  [Symbol.dispose](): void {
    this.abandon();
  }
}
