/** What is to be sent over a link, in two lines: what is waited for, and what is not. @module */
import { byteLength, concatBytes } from "../base/mod.ts";

/** Bytes that are written at once, where more than one frame waits. */
const BATCH_BYTES = 64 * 1024;

/** Bytes of frames that wait and are urgent: one that has not read so much does not read at all. */
export const MAX_URGENT_BYTES = 64 * 1024 * 1024;

/** Bytes of frames that wait and may be dropped. */
export const MAX_LOOSE_BYTES = 1024 * 1024;

/** What becomes of a frame that has no room: the link ends by it, or it is left out. */
export type Urgency =
  /** Before all else, and never lost: notifications, orders, signs of life. */
  | "urgent"
  /** Behind these, and never lost: pieces of calls, which have bounds of their own. */
  | "steady"
  /** Behind these, and left out where too much waits. */
  | "loose";

interface Line {
  readonly frames: Uint8Array[];
  bytes: number;
}

/** Frames of one link that wait to be written. */
export class Outbox {
  readonly #lines: Readonly<Record<Urgency, Line>> = {
    urgent: { frames: [], bytes: 0 },
    steady: { frames: [], bytes: 0 },
    loose: { frames: [], bytes: 0 },
  };
  #dropped = 0;

  /** Frames that were left out. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Bytes that wait. */
  get waiting(): number {
    const { urgent, steady, loose } = this.#lines;
    return urgent.bytes + steady.bytes + loose.bytes;
  }

  /** Queue a frame; false where it finds no room and must not be lost. */
  put(frame: Uint8Array, urgency: Urgency): boolean {
    const line = this.#lines[urgency];
    const most = urgency === "loose" ? MAX_LOOSE_BYTES : MAX_URGENT_BYTES;
    if (line.bytes + frame.length > most) {
      this.#dropped++;
      return urgency === "loose";
    }
    line.frames.push(frame);
    line.bytes += frame.length;
    return true;
  }

  /** The next bytes to write: frames of one line, those that are urgent first; undefined for none. */
  take(): Uint8Array | undefined {
    const { urgent, steady, loose } = this.#lines;
    const line = [urgent, steady, loose].find(({ frames }) => frames.length > 0);
    if (line === undefined) return undefined;
    let count = 0;
    let bytes = 0;
    for (const frame of line.frames) {
      if (count > 0 && bytes + frame.length > BATCH_BYTES) break;
      count++;
      bytes += frame.length;
    }
    const taken = line.frames.splice(0, count);
    line.bytes -= byteLength(taken);
    return concatBytes(taken);
  }

  /** Nobody will take them. */
  clear(): void {
    for (const line of Object.values(this.#lines)) {
      line.frames.length = 0;
      line.bytes = 0;
    }
  }
}
