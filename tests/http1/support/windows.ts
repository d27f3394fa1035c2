/** Feeding decoders through a byte window. @module */
import type { BodyDecoder } from "../../../lib/http1/body.ts";
import { ByteWindow } from "../../../lib/http1/window.ts";

/** Put `piece` behind what is in `window`, as a socket read would. */
export function put(window: ByteWindow, piece: Uint8Array): void {
  const space = window.space();
  if (piece.length > space.length) throw new Error("the window has no room for the piece");
  space.set(piece);
  window.end += piece.length;
}

/** What a decoder made of its pieces. */
export interface Decoded {
  readonly data: Uint8Array;
  readonly views: number;
  readonly error: string | undefined;
  readonly done: boolean;
  /** Bytes left untaken in the window. */
  readonly left: number;
}

/** Feed `pieces` one read at a time, taking all there is after each. */
export function decode(decoder: BodyDecoder, pieces: readonly Uint8Array[], ends = false): Decoded {
  const window = new ByteWindow(64 * 1024);
  const copies: number[] = [];
  let views = 0;
  let error: string | undefined;
  try {
    for (const piece of pieces) {
      put(window, piece);
      for (;;) {
        const view = decoder.take(window);
        if (view === undefined) break;
        if (view.length === 0) throw new Error("an empty view");
        if (view.buffer !== window.bytes.buffer) throw new Error("a view of another buffer");
        views++;
        for (const byte of view) copies.push(byte);
      }
    }
    if (ends) decoder.end();
  } catch (caught) {
    error = caught instanceof Error ? caught.message : String(caught);
  }
  const left = window.end - window.start;
  return { data: Uint8Array.from(copies), views, error, done: decoder.done, left };
}
