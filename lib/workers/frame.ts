/** What goes over a link: pieces of bytes, each with its length and kind in front. Pure. @module */
import { RouterError } from "../base/mod.ts";

/** What a frame is for, as its byte on the wire. Both ends are of one version, so numbers may change. */
export const FRAME = {
  /** Asks for a sign of life, and gives one. */
  ping: 1,
  pong: 2,
  /** One ZeroMQ message of one frame, as it came. */
  notice: 3,
  /** What happened to a peer of the notification socket. */
  peer: 4,
  /** What one worker tells all others: a byte for its number, then its message. */
  tell: 5,
  /** A worker that has come or gone. */
  member: 6,
  /** What a worker is to be, before all else. */
  hello: 7,
  /** How far a worker is. */
  state: 8,
  /** What a worker is to do. */
  order: 9,
  /** One call of several that share the link: its number in four bytes, then what it is about. */
  open: 10,
  head: 11,
  data: 12,
  end: 13,
  credit: 14,
  reset: 15,
  /** Lines for the supervisor's standard output, as they are to stand there. */
  lines: 16,
  /** What a router of another replica tells: its name with the length in front, then its message. */
  far: 17,
  /** How the replica stands in its cluster. */
  cluster: 18,
} as const;

/** The kind of a frame. */
export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

/** A frame as it was read; `payload` is its reader's to keep. */
export interface Frame {
  readonly kind: FrameKind;
  readonly payload: Uint8Array;
}

/** Length in four bytes, kind in one. */
export const FRAME_HEAD = 5;

/** Longest payload, in bytes: heads of requests, and what a worker is to be. */
export const MAX_PAYLOAD = 16 * 1024 * 1024;

const KINDS: ReadonlySet<number> = new Set(Object.values(FRAME));

/** The bytes of a frame whose payload is `parts` in order. Throws `RouterError` for one that is too long. */
export function encodeFrame(kind: FrameKind, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  if (length > MAX_PAYLOAD) {
    throw new RouterError("internal", `Cannot send ${length} bytes to a worker at once`);
  }
  const bytes = new Uint8Array(FRAME_HEAD + length);
  new DataView(bytes.buffer).setUint32(0, length);
  bytes[FRAME_HEAD - 1] = kind;
  let at = FRAME_HEAD;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Whether `value` is the byte of a kind. */
export function isFrameKind(value: number | undefined): value is FrameKind {
  return value !== undefined && KINDS.has(value);
}
