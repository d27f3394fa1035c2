/** Bytes of a connection given to a reader of a window, piece by piece. @module */
import { ByteWindow } from "../../lib/http1/mod.ts";
import type { ErrorClass } from "./outcome.ts";

/** Size of the window: the largest head fits. */
const WINDOW_BYTES = 64 * 1024;

/** Takes what it can out of a window. */
export interface WireReader {
  /** Take something; false where more has to arrive first. Throws what it documents. */
  take(window: ByteWindow): boolean;
  /** Nothing more will arrive. */
  end(): void;
}

/** Give `pieces` to `reader` as they would arrive; one of the `documented` errors is its end. */
export function feed(
  reader: WireReader,
  pieces: readonly Uint8Array[],
  documented: readonly ErrorClass[],
): void {
  const window = new ByteWindow(WINDOW_BYTES);
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) {
        const space = window.space();
        if (space.length === 0) throw new Error("a full window, of which nothing is taken");
        const part = piece.subarray(at, at + space.length);
        space.set(part);
        window.end += part.length;
        at += part.length;
        while (reader.take(window));
      }
    }
    reader.end();
  } catch (error) {
    if (!documented.some((each) => error instanceof each)) throw error;
  }
}
