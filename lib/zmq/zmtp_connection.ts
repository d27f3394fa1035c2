/** One PUSH peer's connection to a PULL socket, from greeting to close. @module */
import { type Clock, concatBytes, describeError, Lease, type Timer } from "../base/mod.ts";
import { HANDSHAKE_TIMEOUT_MS } from "./pull_limits.ts";
import { GREETING, pong, READY, ZmtpDecoder, ZmtpError, type ZmtpLimits } from "./zmtp_decoder.ts";

/**
 * Pause before a silent peer is dropped, in milliseconds. In a process that was held up, timers run
 * before what has arrived meanwhile is read; it gets its turn first.
 */
export const SILENCE_GRACE_MS = 20;

/** Kept small: there is one per prefill rank, perhaps thousands. A notification is 70 bytes. */
const READ_BUFFER_BYTES = 8192;

/** The part of a TCP connection used here. */
export interface ZmtpStream {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  setKeepAlive(keepAlive: boolean): void;
  close(): void;
}

/** What a connection needs of its socket. */
export interface ConnectionOptions {
  readonly clock: Clock;
  readonly limits: ZmtpLimits;
  /** The handshake is complete. */
  readonly onReady: () => void;
  readonly onMessage: (frames: readonly Uint8Array[]) => void;
  /** Waited for before more is read. */
  readonly room: () => Promise<void>;
}

/** How a connection ended. */
export type ConnectionEnd =
  /** Gone before it was a peer, without breaking a rule; port probes do this. */
  | { readonly kind: "stranger" }
  | { readonly kind: "left"; readonly reason?: string }
  | { readonly kind: "rejected"; readonly reason: string };

/** A connection being served. */
export interface ZmtpConnection {
  /** Resolves when the stream is closed; never rejects. */
  readonly ended: Promise<ConnectionEnd>;
  /** Close the stream, if it is open. */
  close(): void;
}

/**
 * Serve `stream` until either side closes it; closes it on every path.
 *
 * A peer whose PING has announced a time-to-live is dropped when nothing of any kind comes for that
 * long, or when it takes nothing for that long. RFC 37 asks for it after a PING that nothing follows;
 * a host that dies right after a message is found out here too, as peers with heartbeats send them
 * beside their messages. Time in which this side does not read does not count. A peer that sends no
 * PING may be silent for ever.
 */
export function serveConnection(stream: ZmtpStream, options: ConnectionOptions): ZmtpConnection {
  const lease = new Lease(() => stream.close());
  return { ended: serve(stream, lease, options), close: () => lease.release() };
}

async function serve(
  stream: ZmtpStream,
  lease: Lease,
  { clock, limits, onReady, onMessage, room }: ConnectionOptions,
): Promise<ConnectionEnd> {
  using _stream = lease;
  const outbox: Uint8Array[] = [GREETING];
  let ttlMs = 0;
  const decoder = new ZmtpDecoder({
    greeted: () => outbox.push(READY),
    ready: onReady,
    ping: (context, announcedMs) => {
      outbox.push(pong(context));
      ttlMs = announcedMs;
    },
    message: onMessage,
  }, limits);
  let silent = false;
  const onSilence = (): void => {
    silent = true;
    lease.release();
  };
  let impatient = false;
  using patience = clock.after(HANDSHAKE_TIMEOUT_MS, () => {
    impatient = true;
    lease.release();
  });
  const buffer = new Uint8Array(Math.max(READ_BUFFER_BYTES, ZmtpDecoder.bufferBytes(limits)));
  let held = 0;
  try {
    // A prefill host can vanish without a word; the kernel's probes find out.
    stream.setKeepAlive(true);
    for (;;) {
      const silence = ttlMs > 0 ? afterSilence(clock, ttlMs, onSilence) : undefined;
      const count = await exchange(stream, outbox.splice(0), buffer.subarray(held), silence);
      if (count === null) break;
      const filled = held + count;
      const used = decoder.take(buffer.subarray(0, filled));
      if (decoder.ready) patience.cancel();
      buffer.copyWithin(0, used, filled);
      held = filled - used;
      await room();
    }
  } catch (error) {
    if (error instanceof ZmtpError) return { kind: "rejected", reason: error.message };
    if (decoder.ready && !silent) return { kind: "left", reason: describeError(error) };
  }
  if (impatient) {
    return { kind: "rejected", reason: `no handshake within ${HANDSHAKE_TIMEOUT_MS} ms` };
  }
  if (!decoder.ready) return { kind: "stranger" };
  if (silent) return { kind: "left", reason: `silent for the ${ttlMs} ms of its heartbeats` };
  return held > 0 ? { kind: "left", reason: "cut within a message" } : { kind: "left" };
}

function afterSilence(clock: Clock, ttlMs: number, run: () => void): Timer {
  let timer = clock.after(ttlMs, () => {
    timer = clock.after(SILENCE_GRACE_MS, run);
  });
  const cancel = (): void => timer.cancel();
  return { cancel, [Symbol.dispose]: cancel };
}

/** Write what waits, then read into `buffer`; `timer` is given back when that has ended. */
async function exchange(
  stream: ZmtpStream,
  outbox: readonly Uint8Array[],
  buffer: Uint8Array,
  timer: Timer | undefined,
): Promise<number | null> {
  using _timer = timer;
  if (outbox.length > 0) await writeAll(stream, concatBytes(outbox));
  return await stream.read(buffer);
}

async function writeAll(stream: ZmtpStream, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await stream.write(bytes.subarray(sent));
}
