/** A ZeroMQ SUB socket of one publisher: connects, subscribes, connects again. @module */
import { type Clock, describeError, encodeUtf8, type Random, sleep } from "../base/mod.ts";
import { type DialZmtp, type ZmtpAddress, ZmtpPeer } from "./zmtp_client.ts";
import type { ZmtpLimits } from "./zmtp_decoder.ts";

/** How a publisher is followed. */
export interface SubOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly dial: DialZmtp;
  readonly limits: ZmtpLimits;
  /** What the first frames of messages begin with; empty for all. */
  readonly topic: string;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** What happens on a SUB socket. */
export type SubEvent =
  /** Connected and subscribed; what was published before is missed. */
  | { readonly kind: "open" }
  /** Its first frame begins with the topic. */
  | { readonly kind: "message"; readonly frames: readonly Uint8Array[] }
  /** The connection broke, or could not be made; another is tried after `retryMs`. */
  | { readonly kind: "lost"; readonly reason: string; readonly retryMs: number };

/** The first wait before another try, and the longest, in milliseconds; each is taken times 0.5 to 1.5. */
export const FIRST_RETRY_MS = 200;
export const LONGEST_RETRY_MS = 15_000;

/**
 * Everything that the publisher at `address` sends, until `signal` aborts. Messages are read as they
 * are taken: whoever is slow is held back by TCP, and the publisher drops what is too much for it.
 */
export async function* subscribe(
  address: ZmtpAddress,
  options: SubOptions,
): AsyncGenerator<SubEvent, void> {
  const { clock, random, signal, topic } = options;
  let waitMs = FIRST_RETRY_MS;
  while (!signal.aborted) {
    let reason = "the publisher has closed the connection";
    try {
      using peer = await ZmtpPeer.open(address, { ...options, type: "SUB" });
      await peer.send([subscription(topic)]);
      yield { kind: "open" };
      for (;;) {
        const frames = await peer.next();
        if (frames === undefined) break;
        waitMs = FIRST_RETRY_MS;
        yield { kind: "message", frames };
      }
    } catch (error) {
      reason = describeError(error);
    }
    if (signal.aborted) return;
    const retryMs = waitMs * (0.5 + random.next());
    waitMs = Math.min(2 * waitMs, LONGEST_RETRY_MS);
    yield { kind: "lost", reason, retryMs };
    await sleep(clock, retryMs, signal);
  }
}

/** ZMTP 3.0 sends subscriptions as messages; commands of their own are of 3.1. */
function subscription(topic: string): Uint8Array {
  return Uint8Array.of(1, ...encodeUtf8(topic));
}
