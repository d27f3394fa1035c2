/** The beginning of an answer's body, kept while it passes. @module */
import { concatBytes } from "../base/mod.ts";
import { type ByteSource, sourceOf } from "../request/mod.ts";

/** Most that is kept of one answer, in bytes. */
export const MAX_CONTENT_BYTES = 1024 * 1024;

/** What was kept. */
export interface Content {
  readonly bytes: Uint8Array;
  readonly complete: boolean;
}

/**
 * `source`, unchanged and as fast as ever; `onEnd` is told once of what was kept of it.
 *
 * @param room Whether so many bytes more may be kept.
 */
export function keptSource(
  source: ByteSource,
  room: (bytes: number) => boolean,
  onEnd: (content: Content) => void,
): ByteSource {
  const pieces: Uint8Array[] = [];
  let length = 0;
  let full = false;
  let ended = false;
  const keep = (bytes: Uint8Array): void => {
    if (full) return;
    const piece = bytes.slice(0, MAX_CONTENT_BYTES - length);
    const fits = room(piece.length);
    full = !fits || piece.length < bytes.length;
    if (!fits) return;
    pieces.push(piece);
    length += piece.length;
  };
  const end = (whole: boolean): void => {
    if (ended) return;
    ended = true;
    onEnd({ bytes: concatBytes(pieces), complete: whole && !full });
  };
  return sourceOf({
    async read() {
      try {
        const bytes = await source.read();
        if (bytes === undefined) end(source.failure === undefined);
        else keep(bytes);
        return bytes;
      } catch (error) {
        end(false);
        throw error;
      }
    },
    cancel() {
      end(false);
      source.cancel();
    },
    failure: () => source.failure,
  });
}
