/** What a flow gives back: a whole body, or a source of bytes that is pulled. @module */
import { byteLength, type ByteParts, concatBytes, type RouterError } from "../base/mod.ts";

/** A body that is read as the client takes it. */
export interface ByteSource {
  /** The next bytes, the caller's to keep; undefined at the end. Rejects when the body breaks. */
  read(): Promise<Uint8Array | undefined>;
  /** The client has gone, or wants no more: give everything back. Any number of times. */
  cancel(): void;
  /** Set once the body has told the client of a failure itself, as a stream's error event. */
  readonly failure?: RouterError | undefined;
}

/** What a {@linkcode sourceOf} is made of. */
export interface SourceParts extends Pick<ByteSource, "read" | "cancel"> {
  /** Asked for the failure whenever somebody wants to know. */
  readonly failure: () => RouterError | undefined;
}

/**
 * A source made of functions. Not a literal with a getter: V8 gives each object that such a literal makes a
 * hidden class of its own, so that nothing which reads sources can be compiled for them, and the class
 * keeps all that the getter sees until the whole heap is collected.
 */
export function sourceOf(parts: SourceParts): ByteSource {
  return new MadeSource(parts);
}

class MadeSource implements ByteSource {
  readonly read: ByteSource["read"];
  readonly cancel: ByteSource["cancel"];
  readonly #failure: SourceParts["failure"];

  constructor({ read, cancel, failure }: SourceParts) {
    this.read = read;
    this.cancel = cancel;
    this.#failure = failure;
  }

  get failure(): RouterError | undefined {
    return this.#failure();
  }
}

/** A response for the client. */
export interface Answer {
  readonly status: number;
  /** End-to-end fields; framing is the server's. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | ByteSource;
}

/** Whether an answer, an engine's or the router's own, is a stream of events. */
export function isEventStream({ headers }: Pick<Answer, "headers">): boolean {
  const [, type = ""] = headers.find(([name]) => name.toLowerCase() === "content-type") ?? [];
  return type.toLowerCase().startsWith("text/event-stream");
}

/** Largest body that is put together from its pieces, and largest piece of others, in bytes. */
const WHOLE_BYTES = 4 * 1024 * 1024;
const PIECE_BYTES = 256 * 1024;

/** `pieces` as a body: as one where it is not large, else one by one, as the client takes them. */
export function bodyOf(pieces: ByteParts): Uint8Array | ByteSource {
  if (byteLength(pieces) <= WHOLE_BYTES) return concatBytes(pieces);
  const left = pieces.filter(({ length }) => length > 0).reverse();
  return {
    read() {
      const piece = left.pop();
      if (piece !== undefined && piece.length > PIECE_BYTES) left.push(piece.subarray(PIECE_BYTES));
      return Promise.resolve(piece?.slice(0, PIECE_BYTES));
    },
    cancel() {
      left.length = 0;
    },
  };
}

/** Whether a body is complete already. */
export function isWhole(body: Answer["body"]): body is Uint8Array {
  return body instanceof Uint8Array;
}
