/** Frames both ways between a supervisor and one worker. Knows nothing of what they say. @module */
import { describeError, RouterError } from "../base/mod.ts";
import { encodeFrame, type Frame, type FrameKind } from "./frame.ts";
import { FrameReader } from "./frame_reader.ts";
import { Outbox, type Urgency } from "./outbox.ts";

/** A socket between two processes. Closing it ends pending reads and writes. */
export interface ByteStream {
  /** The next bytes, the caller's to keep; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves when all of `bytes` has been taken. */
  write(bytes: Uint8Array): Promise<void>;
  close(): void;
}

/** Takes frames in the order in which they were sent. Must not throw; the payload is its own to keep. */
export type OnFrame = (frame: Frame) => void;

/** One end of a link. */
export class Link {
  readonly #stream: ByteStream;
  readonly #outbox = new Outbox();
  readonly #over = Promise.withResolvers<string | undefined>();
  #writing: Promise<void> | undefined;
  #ended = false;

  constructor(stream: ByteStream, onFrame: OnFrame) {
    this.#stream = stream;
    this.#read(onFrame);
  }

  /** Resolves when the other end has gone, or this one was closed; with why, where it broke. */
  get over(): Promise<string | undefined> {
    return this.#over.promise;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Frames that were left out so far, as the other end does not read. */
  get dropped(): number {
    return this.#outbox.dropped;
  }

  /** Bytes that wait to be written. */
  get waiting(): number {
    return this.#outbox.waiting;
  }

  /** Queue a frame; never waits. Where there is no room for one that must not be lost, the link breaks. */
  send(kind: FrameKind, urgency: Urgency, ...parts: readonly Uint8Array[]): void {
    if (this.#ended) return;
    if (!this.#outbox.put(encodeFrame(kind, ...parts), urgency)) {
      return this.#end("the other end does not read");
    }
    this.#writing ??= this.#write();
  }

  /** Resolves when nothing waits to be written, or nobody will read it. */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  close(): void {
    this.#end(undefined);
  }

  async #write(): Promise<void> {
    // In a later microtask: what is sent in one go is written in one go.
    await Promise.resolve();
    try {
      for (;;) {
        const bytes = this.#outbox.take();
        if (bytes === undefined) return;
        await this.#stream.write(bytes);
      }
    } catch (error) {
      this.#end(describeError(error));
    } finally {
      this.#writing = undefined;
    }
  }

  async #read(onFrame: OnFrame): Promise<void> {
    const reader = new FrameReader();
    try {
      for (;;) {
        const bytes = await this.#stream.read();
        if (bytes === undefined) break;
        for (const frame of reader.push(bytes)) if (!this.#ended) onFrame(frame);
      }
      this.#end(reader.broken ? "the other end has gone within a frame" : undefined);
    } catch (error) {
      this.#end(describeError(error));
    }
  }

  #end(why: string | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#outbox.clear();
    this.#stream.close();
    this.#over.resolve(why);
  }
}

/** Why nothing more can be asked over a link that has ended. */
export function linkEnded(): RouterError {
  return new RouterError("shutting-down", "The other process has gone");
}
