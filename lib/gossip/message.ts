/**
 * Messages between routers. One is a byte for the version, a byte for its kind, and what is in it; one
 * that is not wholly as it should be is none.
 * @module
 */
import type { PeerId } from "./bus.ts";
import { type EntrySink, peerIn, readEntries } from "./entries.ts";
import { WireReader, type WireWriter } from "./wire.ts";

/** What routers of another version say is not listened to. */
export const VERSION = 2;

/** Largest message, in bytes; larger ones are not looked at. */
export const MAX_MESSAGE_BYTES = 64 * 1024;

/** What a message is, but for its entries. */
export type Head =
  /** Entries that hold from here on; without any, a sign of life. */
  | {
    readonly kind: "update";
    /** Which life of the sender it is from. */
    readonly life: number;
    /** One more than that of the update before it. */
    readonly number: number;
    /** All that holds is told from here on; `last`: up to here. What was not told does not hold. */
    readonly first: boolean;
    readonly last: boolean;
    /** The sender has been there for a while. */
    readonly settled: boolean;
  }
  /** The peer is to tell all that holds; without a name, everybody is. */
  | { readonly kind: "ask"; readonly of: PeerId | undefined }
  /** The sender goes. */
  | { readonly kind: "bye"; readonly life: number };

const Kind = { update: 1, ask: 2, bye: 3 } as const;

/** Where an update's flags are, so that they can be set when it is known where it ends. */
const FLAGS_AT = 2;
const Flag = { first: 1, last: 2, settled: 4 } as const;

/** A life is told apart by so many values. */
export const LIVES = 2 ** 48;

/** Begin an update, to which entries are written; its flags are set at its end. */
export function beginUpdate(to: WireWriter, life: number, number: number): void {
  to.reset();
  to.byte(VERSION);
  to.byte(Kind.update);
  to.byte(0);
  to.uint(life);
  to.uint(number);
}

/** Set the flags of an update. */
export function flagUpdate(
  to: WireWriter,
  { first, last, settled }: Pick<Extract<Head, { readonly kind: "update" }>, keyof typeof Flag>,
): void {
  to.patch(
    FLAGS_AT,
    (first ? Flag.first : 0) | (last ? Flag.last : 0) | (settled ? Flag.settled : 0),
  );
}

/** Write a question; without `of`, to everybody. */
export function writeAsk(to: WireWriter, of?: PeerId): void {
  to.reset();
  to.byte(VERSION);
  to.byte(Kind.ask);
  to.byte(of === undefined ? 0 : 1);
  if (of !== undefined) to.text(of);
}

/** Write that this life ends. */
export function writeBye(to: WireWriter, life: number): void {
  to.reset();
  to.byte(VERSION);
  to.byte(Kind.bye);
  to.uint(life);
}

/**
 * What `message` is; undefined where it is none. `sink` takes the entries of an update; none is taken of
 * a message that is none.
 */
export function readMessage(message: Uint8Array, sink?: EntrySink): Head | undefined {
  if (message.length > MAX_MESSAGE_BYTES) return undefined;
  const head = read(message);
  if (sink !== undefined && head?.kind === "update") read(message, sink);
  return head;
}

function read(message: Uint8Array, sink?: EntrySink): Head | undefined {
  const from = new WireReader(message);
  if (from.byte() !== VERSION) return undefined;
  const head = headIn(from);
  if (head?.kind === "update") readEntries(from, sink);
  return from.failed || !from.ended ? undefined : head;
}

function headIn(from: WireReader): Head | undefined {
  switch (from.byte()) {
    case Kind.update: {
      const flags = from.byte();
      if (flags > (Flag.first | Flag.last | Flag.settled)) from.fail();
      return {
        kind: "update",
        life: from.uint(),
        number: from.uint(),
        first: (flags & Flag.first) !== 0,
        last: (flags & Flag.last) !== 0,
        settled: (flags & Flag.settled) !== 0,
      };
    }
    case Kind.ask: {
      const named = from.byte();
      if (named > 1) from.fail();
      return { kind: "ask", of: named === 1 ? peerIn(from) : undefined };
    }
    case Kind.bye:
      return { kind: "bye", life: from.uint() };
    default:
      return undefined;
  }
}
