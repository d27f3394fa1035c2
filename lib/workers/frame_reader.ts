/** Bytes in any pieces to frames. @module */
import { concatBytes, RouterError } from "../base/mod.ts";
import { type Frame, FRAME_HEAD, isFrameKind, MAX_PAYLOAD } from "./frame.ts";

/** Holds what has come of one frame at most. */
export class FrameReader {
  #parts: Uint8Array[] = [];
  #held = 0;
  /** Bytes of the frame that has begun, its head too; undefined until they are known. */
  #wanted: number | undefined;

  /**
   * The frames that `bytes` complete, in order; the bytes are this reader's from here on. Throws
   * `RouterError` for what is no frame: nothing behind it can be read.
   */
  *push(bytes: Uint8Array): Generator<Frame> {
    let rest: Uint8Array | undefined = bytes;
    while (rest !== undefined && rest.length > 0) {
      // The usual case: nothing is held, and the frame is whole.
      if (this.#held === 0 && rest.length >= FRAME_HEAD) {
        const wanted = lengthOf(rest);
        if (rest.length >= wanted) {
          yield frameOf(rest, wanted);
          rest = rest.subarray(wanted);
          continue;
        }
      }
      rest = this.#hold(rest);
      const whole = this.#whole();
      if (whole !== undefined) yield frameOf(whole, whole.length);
    }
  }

  /** Whether a frame has begun that is not complete. */
  get broken(): boolean {
    return this.#held > 0;
  }

  /** Take of `bytes` what the frame still lacks, as far as that is known; the rest, if there is any. */
  #hold(bytes: Uint8Array): Uint8Array | undefined {
    const lacks = (this.#wanted ?? FRAME_HEAD) - this.#held;
    const taken = bytes.subarray(0, lacks);
    this.#parts.push(taken);
    this.#held += taken.length;
    if (this.#wanted === undefined && this.#held === FRAME_HEAD) {
      this.#parts = [concatBytes(this.#parts)];
      this.#wanted = lengthOf(this.#parts[0] ?? taken);
    }
    return taken.length < bytes.length ? bytes.subarray(taken.length) : undefined;
  }

  #whole(): Uint8Array | undefined {
    if (this.#held !== this.#wanted) return undefined;
    const whole = concatBytes(this.#parts);
    this.#parts = [];
    this.#held = 0;
    this.#wanted = undefined;
    return whole;
  }
}

/** Bytes of the frame that `bytes` begin with, its head too. */
function lengthOf(bytes: Uint8Array): number {
  const length = new DataView(bytes.buffer, bytes.byteOffset, FRAME_HEAD).getUint32(0);
  if (length > MAX_PAYLOAD) {
    throw new RouterError(
      "internal",
      `Cannot read a frame of ${length} bytes from a worker's link`,
    );
  }
  return FRAME_HEAD + length;
}

function frameOf(bytes: Uint8Array, end: number): Frame {
  const kind = bytes[FRAME_HEAD - 1];
  if (!isFrameKind(kind)) {
    throw new RouterError("internal", `Cannot read a frame of kind ${kind} from a worker's link`);
  }
  return { kind, payload: bytes.subarray(FRAME_HEAD, end) };
}
