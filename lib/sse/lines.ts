/** Lines out of bytes that arrive in any cuts. @module */
import { CR, GrowingBytes, LF, startsWith } from "../base/mod.ts";

/** A line, its end not included, as a range of the bytes at hand. */
export interface Line {
  readonly start: number;
  readonly end: number;
}

const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);

/** More than anything asked for is ever kept: a limit of memory addresses, not of memory. */
const MAX_KEPT_BYTES = 128 * 1024 * 1024;

/**
 * Finds the ends of lines: LF, CR, or both. What is unfinished at the end of a read is kept for the
 * next one, and no byte is looked at twice, however long the line and however small the reads.
 */
export class Lines {
  /** The bytes at hand: a read, or what is kept with a read behind it. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where a finished line begins that shall be kept as well; set by the reader, moved here. */
  held: number | undefined;
  readonly #kept = new GrowingBytes(MAX_KEPT_BYTES);
  #isKept = false;
  #started = false;
  /** Where the current line begins, and up to where no end of it was found. */
  #line = 0;
  #searched = 0;
  /** The next of each from `#searched` on; the end of the bytes for none, less when not known. */
  #lf = -1;
  #cr = -1;
  /** A CR ended the last read: an LF at the start of this one belongs to it. */
  #skipLf = false;

  /** How many bytes the current line has so far. */
  get unfinished(): number {
    return this.bytes.length - this.#line;
  }

  /** How many bytes have to be kept at the moment. */
  get pending(): number {
    return this.bytes.length - this.#from;
  }

  /** Take the next bytes. Views of the ones before are of no use from here on. */
  push(bytes: Uint8Array): void {
    let fresh = bytes;
    if (this.#skipLf && fresh.length > 0) {
      this.#skipLf = false;
      if (fresh[0] === LF) fresh = fresh.subarray(1);
    }
    this.#keep();
    const from = this.#from;
    if (this.pending === 0) {
      this.#kept.clear();
      this.#isKept = false;
      this.#moveTo(fresh, from);
    } else {
      if (from > 0) this.#kept.drop(from);
      this.#kept.append(fresh);
      this.#moveTo(this.#kept.view(), from);
    }
  }

  /** The next line; undefined when the bytes at hand hold no further one. */
  next(): Line | undefined {
    if (!this.#started && !this.#start()) return this.#keep();
    const end = this.#lineEnd();
    if (end < 0) return this.#keep();
    const line = { start: this.#line, end };
    this.#line = this.#searched = this.#afterLine(end);
    return line;
  }

  get #from(): number {
    return this.held ?? this.#line;
  }

  /** Go on in `bytes`, where what stood at `from` stands first. */
  #moveTo(bytes: Uint8Array, from: number): void {
    this.bytes = bytes;
    this.#line -= from;
    this.#searched -= from;
    if (this.held !== undefined) this.held -= from;
    this.#lf = this.#cr = -1;
  }

  /** A copy of what is unfinished: the read's buffer belongs to the connection and is filled again. */
  #keep(): undefined {
    if (this.#isKept || this.pending === 0) return;
    const from = this.#from;
    this.#kept.append(this.bytes.subarray(from));
    this.#isKept = true;
    this.#moveTo(this.#kept.view(), from);
  }

  /** Whether the stream's beginning is at hand, its byte order mark passed over. */
  #start(): boolean {
    const head = this.bytes.subarray(0, BYTE_ORDER_MARK.length);
    const cut = head.length < BYTE_ORDER_MARK.length && startsWith(BYTE_ORDER_MARK, head);
    if (cut) return false;
    this.#started = true;
    if (startsWith(head, BYTE_ORDER_MARK)) this.#line = this.#searched = head.length;
    return true;
  }

  /** The end of the current line; -1 when it is not at hand. */
  #lineEnd(): number {
    const from = this.#searched;
    if (this.#lf < from) this.#lf = this.#find(LF, from);
    if (this.#cr < from) this.#cr = this.#find(CR, from);
    const end = Math.min(this.#lf, this.#cr);
    if (end < this.bytes.length) return end;
    this.#searched = end;
    return -1;
  }

  #find(byte: number, from: number): number {
    const at = this.bytes.indexOf(byte, from);
    return at < 0 ? this.bytes.length : at;
  }

  #afterLine(end: number): number {
    if (this.bytes[end] !== CR) return end + 1;
    if (end + 1 === this.bytes.length) this.#skipLf = true;
    return this.bytes[end + 1] === LF ? end + 2 : end + 1;
  }
}
