/**
 * Batches that were missed, asked for at vLLM's replay socket: a ROUTER that answers a number with all
 * batches from it on that it has kept, and then an end marker.
 *
 * Source: vLLM `vllm/distributed/kv_events.py` (`_service_replay`).
 * @module
 */
import { describeError } from "../base/mod.ts";
import type { Clock } from "../base/mod.ts";
import { type DialZmtp, requestMany, type ZmtpAddress, ZmtpLost } from "../zmq/mod.ts";
import { MESSAGE_LIMITS } from "./limits.ts";

/** A batch and its number. */
export interface NumberedBatch {
  readonly seq: number;
  readonly payload: Uint8Array;
}

/** Where and how batches are asked for. */
export interface ReplayOptions {
  readonly clock: Clock;
  readonly dial: DialZmtp;
  readonly address: ZmtpAddress;
  readonly signal: AbortSignal;
}

/** How a replay ended: with all there is, with holes (the ROUTER drops what is too much for it), or not at all. */
export type ReplayEnd =
  | { readonly kind: "all" }
  | { readonly kind: "holes" }
  | { readonly kind: "failed"; readonly reason: string };

/** Longest wait for the next batch, in milliseconds: vLLM looks for questions ten times a second. */
const IDLE_MS = 5_000;

/**
 * Ask for the batches from `from` on, and give each to `take` in the order of their numbers, as long as
 * that returns true: where it returns false, one before is missing.
 */
export async function replay(
  from: number,
  options: ReplayOptions,
  take: (batch: NumberedBatch) => Promise<boolean>,
): Promise<ReplayEnd> {
  const { clock, dial, address, signal } = options;
  const asked = { clock, dial, signal, limits: MESSAGE_LIMITS, idleMs: IDLE_MS };
  let some = false;
  try {
    for await (const [seq, payload] of requestMany(address, [bigEndian(from)], asked)) {
      const number = seq === undefined ? undefined : numberIn(seq);
      if (number === "end") return { kind: "all" };
      if (number === undefined || payload === undefined) {
        return { kind: "failed", reason: "an answer that is no batch" };
      }
      some = true;
      if (!await take({ seq: number, payload })) return { kind: "holes" };
    }
  } catch (error) {
    if (!(error instanceof ZmtpLost)) throw error;
    // The end marker may be among what was dropped.
    return some ? { kind: "holes" } : { kind: "failed", reason: describeError(error) };
  }
  return { kind: some ? "holes" : "failed", reason: "closed without an end" };
}

/** The number that eight bytes are; `end` for the marker behind the last batch; undefined for others. */
export function numberIn(bytes: Uint8Array): number | "end" | undefined {
  if (bytes.length !== 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const [high, low] = [view.getUint32(0), view.getUint32(4)];
  if (high === 0xffff_ffff && low === 0xffff_ffff) return "end";
  const number = high * 2 ** 32 + low;
  return Number.isSafeInteger(number) ? number : undefined;
}

function bigEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
