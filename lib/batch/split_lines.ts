/** The lines of a file, as it is read. @module */
import { CR, GrowingBytes, LF, SPACE, TAB } from "../base/mod.ts";
import type { DiskReader, Stretch } from "./disk.ts";

/** One line, or that it is too long; blank ones are none. */
export interface FileLine {
  /** Its number, from 1 on; blank ones count. */
  readonly line: number;
  /** Without what ends it. Valid until the next is asked for; undefined where there is too much. */
  readonly bytes: Uint8Array | undefined;
  /** Where it is in the file. */
  readonly at: Stretch;
}

/** Largest part that is read at a time. */
const PART_BYTES = 1024 * 1024;

/** A byte order mark is no part of the first line. */
const MARK = [0xef, 0xbb, 0xbf];

/**
 * The lines of what `reader` reads from the beginning of a file. Of one that has more than `limitBytes`
 * nothing is kept.
 */
export async function* linesOf(
  reader: DiskReader,
  limitBytes: number,
): AsyncGenerator<FileLine, void> {
  const held = new GrowingBytes(limitBytes + PART_BYTES);
  let tooLong = false;
  let [line, start, offset] = [0, 0, 0];
  const end = (behind: number): FileLine | undefined => {
    line++;
    const at = { start, end: behind };
    start = behind + 1;
    const lost = tooLong || held.length > limitBytes;
    tooLong = false;
    if (lost) return { line, bytes: undefined, at };
    const bytes = held.view();
    const from = line === 1 && MARK.every((byte, index) => bytes[index] === byte) ? MARK.length : 0;
    const found = bytes.subarray(from);
    return isBlank(found)
      ? undefined
      : { line, bytes: found, at: { start: at.start + from, end: at.end } };
  };
  for (let part = await reader.read(); part !== undefined; part = await reader.read()) {
    let from = 0;
    for (let to = part.indexOf(LF); to >= 0; to = part.indexOf(LF, from)) {
      if (!tooLong) held.append(part.subarray(from, to));
      const found = end(offset + to);
      if (found !== undefined) yield found;
      held.clear();
      from = to + 1;
    }
    if (!tooLong) held.append(part.subarray(from));
    if (held.length > limitBytes) {
      tooLong = true;
      held.clear();
    }
    offset += part.length;
  }
  if (held.length === 0 && !tooLong) return;
  const last = end(offset);
  if (last !== undefined) yield last;
}

const BLANKS: ReadonlySet<number> = new Set([SPACE, TAB, CR]);

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => BLANKS.has(byte));
}
