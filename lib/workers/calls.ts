/** Calls that share a link, told apart by numbers. @module */
import { decodeUtf8, encodeUtf8, RouterError } from "../base/mod.ts";
import { Call } from "./call.ts";
import { encodeNumber, numberIn } from "./codec.ts";
import { FRAME, type Frame, type FrameKind } from "./frame.ts";
import { type Link, linkEnded } from "./link.ts";

/** Calls of the other end that are under way at once; further ones are refused. */
export const MAX_CALLS = 16_384;

/** Which end of a link begins calls with even numbers. */
export type LinkSide = "supervisor" | "worker";

/** Takes a call that the other end has begun, whose kind is a word of both. Must not throw. */
export type OnCall = (kind: string, head: Uint8Array, call: Call) => void;

const CALL_FRAMES: ReadonlySet<FrameKind> = new Set([
  FRAME.open,
  FRAME.head,
  FRAME.data,
  FRAME.end,
  FRAME.credit,
  FRAME.reset,
]);

/** Bytes of a call's number. */
const ID = 4;

/** Numbers begin anew before they take more bytes. */
const MAX_ID = 2 ** 32 - 2;

/** The calls of one end of a link. */
export class Calls {
  readonly #link: Pick<Link, "send" | "ended">;
  readonly #onCall: OnCall;
  readonly #parity: 0 | 1;
  readonly #calls = new Map<number, Call>();
  #next: number;

  constructor(link: Pick<Link, "send" | "ended">, side: LinkSide, onCall: OnCall) {
    this.#link = link;
    this.#onCall = onCall;
    this.#parity = side === "supervisor" ? 0 : 1;
    this.#next = this.#parity;
  }

  /** Calls under way, whoever has begun them. */
  get size(): number {
    return this.#calls.size;
  }

  /** Begin a call; where the other end has gone, it fails at once. */
  open(kind: string, head: Uint8Array): Call {
    const id = this.#free();
    const call = this.#add(id);
    if (this.#link.ended) call.fail(linkEnded());
    else {
      const word = encodeUtf8(kind);
      this.#send(FRAME.open, id, Uint8Array.of(word.length), word, head);
    }
    return call;
  }

  /** Take a frame that is about a call; false for one that is not. */
  take({ kind, payload }: Frame): boolean {
    if (!CALL_FRAMES.has(kind)) return false;
    const id = numberIn(payload);
    const rest = payload.subarray(ID);
    if (kind === FRAME.open) this.#opened(id, rest);
    else this.#about(this.#calls.get(id), kind, rest);
    return true;
  }

  /** The link has ended, and so has every call. */
  end(): void {
    for (const call of [...this.#calls.values()]) call.fail(linkEnded());
  }

  #opened(id: number, rest: Uint8Array): void {
    const [length = 0] = rest;
    const kind = decodeUtf8(rest.subarray(1, 1 + length));
    if (this.#calls.has(id) || this.#calls.size >= MAX_CALLS) {
      return this.#send(FRAME.reset, id, encodeUtf8("Too much is asked at once"));
    }
    this.#onCall(kind, rest.subarray(1 + length), this.#add(id));
  }

  /** What comes of a call that is over comes too late. */
  #about(call: Call | undefined, kind: FrameKind, rest: Uint8Array): void {
    switch (kind) {
      case FRAME.head:
        return call?.onHead(rest);
      case FRAME.data:
        return call?.onData(rest);
      case FRAME.end:
        return call?.onEnd();
      case FRAME.credit:
        return call?.onCredit(numberIn(rest));
      case FRAME.reset:
        return call?.fail(new RouterError("shutting-down", decodeUtf8(rest)));
      default:
        return undefined;
    }
  }

  #add(id: number): Call {
    const call = new Call({
      head: (bytes) => this.#send(FRAME.head, id, bytes),
      data: (bytes) => this.#send(FRAME.data, id, bytes),
      end: () => this.#send(FRAME.end, id),
      credit: (bytes) => this.#send(FRAME.credit, id, encodeNumber(bytes)),
      reset: (why) => this.#send(FRAME.reset, id, encodeUtf8(why)),
      forget: () => void (this.#calls.get(id) === call && this.#calls.delete(id)),
    });
    this.#calls.set(id, call);
    return call;
  }

  #send(kind: FrameKind, id: number, ...parts: readonly Uint8Array[]): void {
    this.#link.send(kind, "steady", encodeNumber(id), ...parts);
  }

  /** A number that no call of this end has. */
  #free(): number {
    do {
      this.#next = this.#next >= MAX_ID ? this.#parity : this.#next + 2;
    } while (this.#calls.has(this.#next));
    return this.#next;
  }
}
