/** What requests have taken of one engine: seats, and place in its KV buffer. @module */
import { type Engine, type KvBuffer, Lease } from "../base/mod.ts";
import { kvBytesOf, type Load, type Pair } from "../selection/mod.ts";
import { Allowance } from "./allowance.ts";
import type { Elsewhere } from "./others.ts";

/** What admission uses of a fleet. What is taken is taken whether there is room or not: choices look. */
export interface Seating {
  /** Seats of the two engines of a handoff, and place for the KV of `tokens`. */
  seatPair(pair: Pair, tokens: number): PairSeats;
  /** Whether `engine` has a seat for one more; one that is gone has as many as anybody likes. */
  hasSeat(engine: Engine): boolean;
  /** A seat of one engine. */
  seat(engine: Engine): Lease;
  /** Whether requests for `model` wait at other routers before the same engines. */
  isAwaitedElsewhere(model: string): boolean;
  /**
   * Have `on` told of an engine that may have room where it had none, or that health has another verdict
   * on; without an engine, of any other change. It must not throw.
   */
  watchRoom(on: (engine?: Engine) => void): Disposable;
}

/** Requests that engines get at a time. Infinite for no bound. */
export interface SeatLimits {
  /** Of each prefill engine; undefined: by what is known of it. */
  readonly prefill: number | undefined;
  /** Of each other engine, whichever legs they are. */
  readonly serving: number | undefined;
}

/**
 * Requests at a time of engines of which nobody knows how many they work on. Of those that serve, as many as
 * vLLM takes at most unless it is told: 1,024 on devices of 70 GiB and more, 256 on smaller ones, where
 * the others wait in the engine (`vllm/engine/arg_utils.py`, `default_max_num_seqs`). Fewer would
 * leave large engines idle, and refuse what a router without seats would have passed on.
 */
export const USUAL_SEATS = { prefill: 64, serving: 1_024 } as const;

/** Nothing is bounded. */
export const UNBOUNDED: SeatLimits = { prefill: Infinity, serving: Infinity };

/** How many requests `engine` gets at a time. */
function maxSeatsOf({ role, maxNumSeqs }: Engine, limits: SeatLimits): number {
  const leg = role === "prefill" ? "prefill" : "serving";
  return limits[leg] ?? maxNumSeqs ?? USUAL_SEATS[leg];
}

/** What is taken of an engine. */
interface Taken {
  seats: number;
  kvBytes: number;
  transfers: number;
}

/** The counts of one engine: of this router, and what others have taken of it besides. */
export class Seats implements Load {
  /** Of all routers that are heard; plain fields, as every choice reads them of every engine. */
  seats = 0;
  kvBytes = 0;
  /** Prompts whose KV is to be had of it: it has answered, and is still needed. */
  transfers = 0;
  /** As `Load`. */
  seatsSpent = false;
  kvSpent = false;
  /** Of this router alone. */
  readonly own: Taken = { seats: 0, kvBytes: 0, transfers: 0 };
  maxSeats: number;
  buffer: KvBuffer | undefined;
  readonly #limits: SeatLimits;
  readonly #onRoom: () => void;
  readonly #elsewhere: Elsewhere | undefined;
  readonly #seatsAllowed = new Allowance();
  readonly #kvAllowed = new Allowance();
  /** Other routers where requests wait for it. */
  #waiting = 0;

  /** `onRoom` is told whenever something is given back, here or `elsewhere`. */
  constructor(engine: Engine, limits: SeatLimits, onRoom: () => void, elsewhere?: Elsewhere) {
    this.#limits = limits;
    this.#onRoom = onRoom;
    this.#elsewhere = elsewhere;
    this.maxSeats = maxSeatsOf(engine, limits);
    this.buffer = engine.nixl?.buffer;
  }

  /** What others have taken is another. */
  hear(
    { seats, kvBytes, transfers, waiting }: Readonly<Taken> & { readonly waiting: number },
  ): void {
    this.#waiting = waiting;
    this.seats = this.own.seats + seats;
    this.kvBytes = this.own.kvBytes + kvBytes;
    this.transfers = this.own.transfers + transfers;
  }

  /**
   * What is taken here has been told, and what others have told is heard, of `routers` in all: each may
   * take its part of what is left until then. Whether more may be taken than a moment before.
   */
  allow(routers: number): boolean {
    const { own, maxSeats, buffer } = this;
    const others = { routers, waiting: this.#waiting };
    const bytes = buffer?.bytes ?? Infinity;
    const seats = this.#seatsAllowed.renew({
      own: own.seats,
      most: maxSeats,
      left: maxSeats - this.seats,
      ...others,
    });
    const kv = this.#kvAllowed.renew({
      own: own.kvBytes,
      most: bytes,
      left: bytes - this.kvBytes,
      ...others,
    });
    this.#weigh();
    return seats || kv;
  }

  /** The engine's record is another one; what is taken stays taken. */
  configure(engine: Engine): void {
    this.maxSeats = maxSeatsOf(engine, this.#limits);
    this.buffer = engine.nixl?.buffer;
  }

  /** A seat, whether there is room or not: who chooses looks first. */
  take(): Lease {
    this.#add("seats", 1);
    return new Lease(() => {
      this.#add("seats", -1);
      this.#onRoom();
    });
  }

  /** It is needed until KV of a prompt has been read elsewhere. */
  takeTransfer(): Lease {
    this.#add("transfers", 1);
    return new Lease(() => {
      this.#add("transfers", -1);
      // There is no more room for it: but who waits until it is idle has to know.
      if (this.needed === 0) this.#onRoom();
    });
  }

  /** How much of it is needed by requests, be it before they are sent to it or after its answer. */
  get needed(): number {
    return Math.max(this.seats, this.transfers);
  }

  /** Place for the KV of `tokens`; undefined where the buffer's size is not known. */
  takeKv(tokens: number): KvPlace | undefined {
    const { buffer } = this;
    if (buffer === undefined || tokens === 0) return undefined;
    return new KvPlace({
      fits: (bytes) => this.kvBytes + bytes <= buffer.bytes,
      bytesOf: (count) => kvBytesOf(count, buffer),
      add: (bytes) => {
        this.#add("kvBytes", bytes);
        if (bytes < 0) this.#onRoom();
      },
    }, tokens);
  }

  /** Whether there is anything that could be used up. */
  get bounded(): boolean {
    return this.maxSeats !== Infinity || this.buffer !== undefined;
  }

  #add(what: keyof Taken, count: number): void {
    this.own[what] += count;
    this[what] += count;
    if (this.#elsewhere === undefined) return;
    this.#weigh();
    // Little is left: the sooner others know, the sooner there is a part of it again, for this one or for those
    // who wait there.
    const matters = count > 0 ? this.seatsSpent || this.kvSpent : this.#waiting > 0;
    if (matters) this.#elsewhere.hurry();
  }

  #weigh(): void {
    this.seatsSpent = this.#seatsAllowed.spare(this.own.seats) <= 0;
    this.kvSpent = this.#kvAllowed.spare(this.own.kvBytes) <= 0;
  }
}

/** A seat of an engine, or one of nothing where it is not there. */
export function seatOf(seats: Seats | undefined): Lease {
  return seats?.take() ?? new Lease(() => {});
}

/** What is taken of several engines: seats, and bytes of their KV buffers. */
export type Seated = Pick<Load, "seats" | "kvBytes">;

/** What this router has taken of those of `engines` of which anything is bounded. */
export function seatedIn(engines: Iterable<{ readonly load: Seats }>): Seated {
  let [seats, kvBytes] = [0, 0];
  for (const { load } of engines) {
    if (!load.bounded) continue;
    seats += load.own.seats;
    kvBytes += load.own.kvBytes;
  }
  return { seats, kvBytes };
}

/** A buffer as one of the places in it sees it. */
interface Buffer {
  readonly fits: (bytes: number) => boolean;
  readonly bytesOf: (tokens: number) => number;
  readonly add: (bytes: number) => void;
}

/** Place for the KV of one prompt. */
export class KvPlace implements Disposable {
  readonly #buffer: Buffer;
  #bytes: number;

  /** For `Seats` to make. */
  constructor(buffer: Buffer, tokens: number) {
    this.#buffer = buffer;
    this.#bytes = buffer.bytesOf(tokens);
    buffer.add(this.#bytes);
  }

  /** The prompt has `tokens`, as is known by now; false, and nothing changed, where there is no place. */
  settle(tokens: number): boolean {
    const more = this.#buffer.bytesOf(tokens) - this.#bytes;
    if (more > 0 && !this.#buffer.fits(more)) return false;
    this.#bytes += more;
    if (more !== 0) this.#buffer.add(more);
    return true;
  }

  /** Hand it to whoever answers for the KV; this one then holds nothing. */
  move(): Lease {
    const bytes = this.#bytes;
    this.#bytes = 0;
    return new Lease(() => this.#buffer.add(-bytes));
  }

  [Symbol.dispose](): void {
    const bytes = this.#bytes;
    this.#bytes = 0;
    if (bytes > 0) this.#buffer.add(-bytes);
  }
}

/** What a handoff has taken of its two engines, until each is moved to who uses it. */
export class PairSeats implements Disposable {
  /** Until the prefill has ended. */
  readonly prefill: Lease;
  /** Until the answer has ended. */
  readonly decode: Lease;
  /** Until the KV has been read. */
  readonly kv: KvPlace | undefined;
  /** Of the prefill engine, which has to be there as long. */
  readonly transfer: Lease;

  constructor(
    prefill: Lease,
    decode: Lease,
    kv: KvPlace | undefined,
    transfer = new Lease(() => {}),
  ) {
    this.prefill = prefill;
    this.decode = decode;
    this.kv = kv;
    this.transfer = transfer;
  }

  [Symbol.dispose](): void {
    this.prefill.release();
    this.kv?.[Symbol.dispose]();
    this.transfer.release();
    this.decode.release();
  }
}
