/**
 * The chunked transfer coding (RFC 9112 section 7.1), as a state machine over a byte window.
 *
 * Who streams tokens sends each event as one small chunk. The chunks that have arrived
 * together are handed out together: their data is moved up over the framing between them.
 * @module
 */
import { COLON, CR, hexValue, LF, SPACE, TAB } from "../base/mod.ts";
import type { BodyDecoder } from "./body.ts";
import { CHARS, isControl, SEMICOLON, TOKEN } from "./chars.ts";
import { ExtensionReader } from "./chunk_extension.ts";
import type { ByteWindow } from "./window.ts";
import { WireError } from "./wire_error.ts";

/** Most digits of a chunk size; more would pass the largest exact integer. */
export const MAX_SIZE_DIGITS = 13;

/** Longest extension of one chunk, in bytes. */
export const MAX_EXTENSION_BYTES = 1024;

/** Most bytes of extensions in one body, where it is read strictly. */
export const MAX_EXTENSIONS_BYTES = 16 * 1024;

/** Longest trailer section, in bytes. */
export const MAX_TRAILER_BYTES = 16 * 1024;

/** Fields that say where a body ends: in its trailer some readers take them for another's. */
const FRAMING_FIELDS: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

/** Characters of a trailer field's name that are looked at. */
const MAX_NAME = 20;

/** Above this many bytes, moving data costs more than handing it out by itself. */
const MAX_MOVE_BYTES = 4096;

/** What the next byte is. */
const enum State {
  Size,
  Blank,
  Extension,
  SizeEnd,
  Data,
  DataCr,
  DataLf,
  TrailerLine,
  TrailerName,
  TrailerText,
  TrailerEnd,
  LastLf,
  Done,
  Failed,
}

/** How a chunked body is read. */
export interface ChunkedRules {
  /**
   * Refuse what some readers take and others do not: blanks behind a size, extensions and trailer
   * lines of another form than the RFC's.
   * @default {false}
   */
  readonly strict?: boolean;
}

/** Decodes one chunked body; trailer fields are checked and dropped. */
export class ChunkedBody implements BodyDecoder {
  readonly #extension: ExtensionReader | undefined;
  #state = State.Size;
  /** The size being read; then the bytes of the chunk still to come. */
  #left = 0;
  #digits = 0;
  /** Length of the extension or of the trailer section so far. */
  #extra = 0;
  /** Length of all extensions so far. */
  #extensions = 0;
  /** Name of the trailer field being read, in lower case, where it is read strictly. */
  #name = "";
  #problem = "";

  constructor({ strict = false }: ChunkedRules = {}) {
    this.#extension = strict ? new ExtensionReader() : undefined;
  }

  get done(): boolean {
    return this.#state === State.Done;
  }

  take(window: ByteWindow): Uint8Array | undefined {
    const { bytes, end } = window;
    let at = window.start;
    let from = at;
    let to = at;
    while (at < end && this.#state < State.Done) {
      if (this.#state !== State.Data) {
        this.#frame(bytes[at] ?? 0);
        at++;
        continue;
      }
      const size = Math.min(this.#left, end - at);
      if (from === to) {
        from = at;
        to = at + size;
      } else {
        if (size > MAX_MOVE_BYTES) break;
        bytes.copyWithin(to, at, at + size);
        to += size;
      }
      at += size;
      this.#left -= size;
      if (this.#left === 0) this.#state = State.DataCr;
    }
    window.start = at;
    if (to > from) return bytes.subarray(from, to);
    if (this.#state === State.Failed) throw new WireError(this.#problem);
    return undefined;
  }

  end(): void {
    if (this.#state !== State.Done) throw new WireError("body cut inside the chunked coding");
  }

  /** One byte that is not data. */
  #frame(byte: number): void {
    switch (this.#state) {
      case State.Size:
        return this.#sizeByte(byte);
      case State.Blank:
      case State.Extension:
        return this.#extensionByte(byte);
      case State.SizeEnd:
        if (byte !== LF) return this.#fail("chunk size without CR LF");
        this.#digits = 0;
        this.#extra = 0;
        this.#state = this.#left === 0 ? State.TrailerLine : State.Data;
        return;
      case State.DataCr:
        if (byte !== CR) return this.#fail("chunk longer than its size");
        this.#state = State.DataLf;
        return;
      case State.DataLf:
        if (byte !== LF) return this.#fail("chunk without CR LF");
        this.#state = State.Size;
        return;
      case State.LastLf:
        if (byte !== LF) return this.#fail("trailer without CR LF");
        this.#state = State.Done;
        return;
      default:
        return this.#trailerByte(byte);
    }
  }

  #sizeByte(byte: number): void {
    const digit = hexValue(byte);
    if (digit >= 0) {
      if (++this.#digits > MAX_SIZE_DIGITS) return this.#fail("chunk size with too many digits");
      this.#left = this.#left * 16 + digit;
      return;
    }
    if (this.#digits === 0) return this.#fail("malformed chunk size");
    if (byte === CR) this.#state = State.SizeEnd;
    else if (byte === SEMICOLON) {
      this.#state = State.Extension;
      this.#extension?.reset();
    } else if (this.#extension === undefined && isBlank(byte)) this.#state = State.Blank;
    else this.#fail("malformed chunk size");
  }

  #extensionByte(byte: number): void {
    const strict = this.#extension;
    if (byte === CR) {
      if (strict?.complete === false) return this.#fail("malformed chunk extension");
      this.#state = State.SizeEnd;
      return;
    }
    if (isControl(byte)) return this.#fail("control character in a chunk extension");
    if (++this.#extra > MAX_EXTENSION_BYTES) return this.#fail("chunk extension too long");
    if (strict !== undefined) {
      if (!strict.take(byte)) return this.#fail("malformed chunk extension");
      if (++this.#extensions > MAX_EXTENSIONS_BYTES) this.#fail("chunk extensions too long");
      return;
    }
    if (this.#state === State.Extension || isBlank(byte)) return;
    if (byte !== SEMICOLON) return this.#fail("malformed chunk size");
    this.#state = State.Extension;
  }

  #trailerByte(byte: number): void {
    if (++this.#extra > MAX_TRAILER_BYTES) return this.#fail("trailer too long");
    if (this.#state === State.TrailerEnd) {
      if (byte !== LF) return this.#fail("trailer without CR LF");
      this.#state = State.TrailerLine;
    } else if (byte === CR) {
      if (this.#state === State.TrailerName) return this.#fail("malformed trailer field");
      this.#state = this.#state === State.TrailerLine ? State.LastLf : State.TrailerEnd;
    } else if (isControl(byte)) {
      this.#fail("control character in the trailer");
    } else if (this.#extension === undefined || this.#state === State.TrailerText) {
      this.#state = State.TrailerText;
    } else if (((CHARS[byte] ?? 0) & TOKEN) !== 0) {
      if (this.#state === State.TrailerLine) this.#name = "";
      if (this.#name.length < MAX_NAME) this.#name += String.fromCharCode(byte).toLowerCase();
      this.#state = State.TrailerName;
    } else if (byte === COLON && this.#state === State.TrailerName) {
      if (FRAMING_FIELDS.has(this.#name)) return this.#fail("framing field in the trailer");
      this.#state = State.TrailerText;
    } else {
      this.#fail("malformed trailer field");
    }
  }

  #fail(problem: string): void {
    this.#problem = problem;
    this.#state = State.Failed;
  }
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}
