/** One question to a ZeroMQ ROUTER that may have many answers. @module */
import type { Clock } from "../base/mod.ts";
import { type ClientOptions, type ZmtpAddress, ZmtpLost, ZmtpPeer } from "./zmtp_client.ts";

/** How it is asked. */
export interface RequestOptions extends Omit<ClientOptions, "type"> {
  readonly clock: Clock;
  /** Longest wait for the next answer, in milliseconds. */
  readonly idleMs: number;
}

/**
 * The answers to `request`, as a DEALER socket has them: without the empty frame between a peer's
 * identity and its message, which REQ sockets put there. On a connection of its own, so that nothing
 * stands in the ROUTER's queue before them. Ends when whoever iterates does, and when the peer closes.
 * Rejects with `ZmtpLost`.
 */
export async function* requestMany(
  address: ZmtpAddress,
  request: readonly Uint8Array[],
  options: RequestOptions,
): AsyncGenerator<readonly Uint8Array[], void> {
  const { clock, idleMs } = options;
  using peer = await ZmtpPeer.open(address, { ...options, type: "DEALER" });
  await peer.send([new Uint8Array(0), ...request]);
  for (;;) {
    const frames = await inTime(peer, clock, idleMs);
    if (frames === undefined) return;
    yield frames[0]?.length === 0 ? frames.slice(1) : frames;
  }
}

async function inTime(
  peer: ZmtpPeer,
  clock: Clock,
  idleMs: number,
): Promise<readonly Uint8Array[] | undefined> {
  let late = false;
  using _timer = clock.after(idleMs, () => {
    late = true;
    peer[Symbol.dispose]();
  });
  try {
    return await peer.next();
  } catch (error) {
    throw late ? new ZmtpLost(`no answer within ${idleMs} ms`, { cause: error }) : error;
  }
}
