/** Whether an engine has room for one more request. Pure. @module */
import type { KvBuffer } from "../base/mod.ts";

/** What of an engine is taken, and of how much. The fields tell the present whenever they are read. */
export interface Load {
  /** Requests that hold a seat. */
  readonly seats: number;
  /** Infinite where there is no bound. */
  readonly maxSeats: number;
  /** Bytes of its KV buffer that are promised to prompts, or hold them. */
  readonly kvBytes: number;
  /** Absent where nobody knows how much KV it can receive. */
  readonly buffer: KvBuffer | undefined;
  /**
   * Whether this router has taken its part of what is left, of seats and of KV, and takes no more before
   * it has heard again what others have taken. Absent where it is alone.
   */
  readonly seatsSpent?: boolean;
  readonly kvSpent?: boolean;
}

/** What the KV of a prompt of `tokens` takes of a buffer, in bytes: whole chunks. */
export function kvBytesOf(tokens: number, { bytesPerToken, chunkTokens }: KvBuffer): number {
  return Math.ceil(tokens / chunkTokens) * chunkTokens * bytesPerToken;
}

/**
 * Whether an engine has room for a request that hands over the KV of `tokens`, 0 for none: a seat, and
 * place in its buffer. Engines of which nothing is known always have. A request that may have no more
 * than a `share` of the seats, 0 to 1, finds the others taken; but for one, where there are few.
 */
export function hasRoom(load: Load | undefined, tokens: number, share = 1): boolean {
  if (load === undefined) return true;
  const seats = share === 1 ? load.maxSeats : Math.max(1, Math.floor(load.maxSeats * share));
  if (load.seats >= seats || load.seatsSpent === true) return false;
  return tokens === 0 || load.buffer === undefined ||
    (load.kvSpent !== true &&
      load.kvBytes + kvBytesOf(tokens, load.buffer) <= load.buffer.bytes);
}

/** Whether it never will: the KV of `tokens` is larger than its buffer. */
export function isTooSmall(load: Load | undefined, tokens: number): boolean {
  const buffer = load?.buffer;
  return tokens > 0 && buffer !== undefined && kvBytesOf(tokens, buffer) > buffer.bytes;
}
