/** A body as it arrives: in parts at first, as one piece at the end. @module */
import {
  type ByteShare,
  COPY_STEP_BYTES,
  giveBackBuffer,
  RouterError,
  type Sliced,
} from "../base/mod.ts";

/** Parts from this size on are kept as they came; smaller ones are gathered. */
const KEPT_BYTES = 16 * 1024;

/** Size of what parts are gathered in: as much as there is already, within these bounds. */
const LEAST_ROOM = 1024;
const MOST_ROOM = 256 * 1024;

/** A body that is announced as this large gets its one piece early, */
const EARLY_BYTES = 1024 * 1024;
/** once this share of it has come: pages that nothing was written to cost next to nothing. */
const EARLY_SHARE = 1 / 4;

/** What a body may come to. */
export interface BodyBounds {
  readonly limitBytes: number;
  /** How long it will be, where that is known: no more than that comes. */
  readonly length?: number | undefined;
  /** Grows with what is held; absent where nobody counts. */
  readonly share?: ByteShare | undefined;
  /** What comes was sent in another form. */
  readonly decoded: boolean;
}

/**
 * Collects a body. Less than twice what has come is held, however small its parts are; of a body of
 * known length less than a quarter more than that, once a quarter has come.
 */
export class BodyParts {
  readonly #bounds: BodyBounds;
  #parts: Uint8Array[] = [];
  /** All of it, where it was made early: what came before is still in parts. */
  #whole: Uint8Array | undefined;
  #brought = false;
  /** The last part, while there is room in it. */
  #room: Uint8Array | undefined;
  #filled = 0;
  #length = 0;

  constructor(bounds: BodyBounds) {
    this.#bounds = bounds;
  }

  /** Bytes that have come. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of the buffers that they are held in. */
  get capacity(): number {
    const buffers = this.#parts.map(({ buffer }) => buffer.byteLength);
    const more = (this.#room?.length ?? 0) + (this.#whole?.length ?? 0);
    return buffers.reduce((sum, size) => sum + size, more);
  }

  /** Add `part`, which is the collector's from here on. Throws `body-too-large` and `overloaded`. */
  add(part: Uint8Array): void {
    const { limitBytes, share, decoded } = this.#bounds;
    const length = this.#length + part.length;
    if (length > limitBytes) throw tooLarge(length, limitBytes, decoded);
    if (share?.grow(part.length) === false) throw overloaded();
    const whole = this.#whole ??= this.#broughtBy(part) ?? this.#early();
    if (whole !== undefined) {
      if (!isAt(part, whole, this.#length)) whole.set(part, this.#length);
    } else if (part.length >= KEPT_BYTES && part.buffer.byteLength <= 2 * part.length) {
      this.#seal();
      this.#parts.push(part);
    } else {
      this.#gather(part);
    }
    this.#length = length;
  }

  /** A buffer of the body's length that `part` stands in, at its place. */
  #broughtBy(part: Uint8Array): Uint8Array | undefined {
    const { buffer } = part;
    if (this.#length === 0 || buffer.byteLength !== this.#bounds.length) return undefined;
    const whole = new Uint8Array(buffer);
    if (!isAt(part, whole, this.#length)) return undefined;
    this.#seal();
    this.#brought = true;
    return whole;
  }

  #early(): Uint8Array | undefined {
    const { length = 0 } = this.#bounds;
    if (length < EARLY_BYTES || this.#length < length * EARLY_SHARE) return undefined;
    this.#seal();
    return new Uint8Array(length);
  }

  #gather(part: Uint8Array): void {
    let from = 0;
    while (from < part.length) {
      const room = this.#room ??= this.#makeRoom();
      const piece = part.subarray(from, from + room.length - this.#filled);
      room.set(piece, this.#filled);
      this.#filled += piece.length;
      from += piece.length;
      if (this.#filled === room.length) this.#seal();
    }
  }

  #makeRoom(): Uint8Array {
    return new Uint8Array(Math.min(Math.max(this.#length, LEAST_ROOM), MOST_ROOM));
  }

  /** What was gathered is a part like others, without the room that is left. */
  #seal(): void {
    const room = this.#room;
    if (room === undefined) return;
    this.#parts.push(this.#filled === room.length ? room : room.slice(0, this.#filled));
    this.#room = undefined;
    this.#filled = 0;
  }

  /**
   * The buffers that need not wait for the collector, by the index of the last part that stands in them:
   * whoever brings a buffer for the whole has nothing else in those before.
   */
  #spentBy(parts: readonly Uint8Array[]): ReadonlyMap<ArrayBufferLike, number> {
    return new Map(this.#brought ? parts.map(({ buffer }, index) => [buffer, index]) : []);
  }

  /** All of it as one piece, in steps; nothing is left here. Copied once, if it has several parts. */
  *joining(): Sliced<Uint8Array> {
    this.#seal();
    const parts = this.#parts;
    this.#parts = [];
    const [only] = parts;
    if (this.#whole === undefined && only !== undefined && parts.length === 1) return only;
    const whole = this.#whole ?? new Uint8Array(this.#length);
    this.#whole = undefined;
    let at = 0;
    let step = COPY_STEP_BYTES;
    const spent = this.#spentBy(parts);
    for (let index = 0; index < parts.length; index++) {
      const part = parts[index] ?? NOTHING;
      // Let go as soon as it is copied, so that both are never there as a whole.
      parts[index] = NOTHING;
      for (let from = 0; from < part.length;) {
        if (at >= step) {
          yield;
          step = at + COPY_STEP_BYTES;
        }
        const piece = part.subarray(from, from + step - at);
        whole.set(piece, at);
        at += piece.length;
        from += piece.length;
      }
      if (spent.get(part.buffer) === index) giveBackBuffer(part);
    }
    return whole.length === this.#length ? whole : whole.subarray(0, this.#length);
  }
}

function isAt(part: Uint8Array, whole: Uint8Array, at: number): boolean {
  return part.buffer === whole.buffer && part.byteOffset === at;
}

const NOTHING = new Uint8Array(0);

/** The error of a body that has at least `bytes` bytes. */
export function tooLarge(bytes: number, limitBytes: number, decoded = false): RouterError {
  return new RouterError(
    "body-too-large",
    `The request body has at least ${bytes} bytes${decoded ? " once decoded" : ""}; at most ` +
      `${limitBytes} are accepted (--max-request-bytes)`,
  );
}

/** The error of a body that decodes to more than `times` the `sent` bytes that have come of it. */
export function tooWellPacked(sent: number, times: number): RouterError {
  return new RouterError(
    "body-too-large",
    `The first ${sent} bytes of the request body have more than ${times} times as many once decoded: ` +
      "send it without Content-Encoding",
  );
}

/** The error of a body that finds no room. */
export function overloaded(): RouterError {
  return new RouterError(
    "overloaded",
    "The router holds as many bytes of request bodies as it may (--max-buffered-bytes); " +
      "try again soon",
  );
}
