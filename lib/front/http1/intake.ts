/**
 * What arrives on a connection. Wherever there is room a read is kept pending, whatever the server is
 * doing: a client that leaves is seen at once, and no byte is read twice.
 * @module
 */
import { ByteWindow } from "../../http1/mod.ts";
import type { FrontSocket } from "./socket.ts";

/** Where arriving bytes go. */
export interface ReadTarget {
  /** Where the next ones go; empty for no room. */
  space(): Uint8Array<ArrayBuffer>;
  /** So many have been put there. */
  arrived(size: number): void;
}

/** How the arriving ended: in good order, or by a reset or an error. */
export type IntakeEnd = "closed" | "lost";

/** Who is told. */
export interface IntakeOwner {
  /** So many bytes have come; the next read is the owner's to begin. */
  onArrived(size: number): void;
  /** Nothing more will come. Told once. */
  onEnded(end: IntakeEnd): void;
}

/** Size of the buffer that heads, small bodies and what is read ahead arrive in, in bytes. */
export const WINDOW_BYTES = 8 * 1024;

/** With less room than this, bytes held are moved to make more. */
const MIN_ROOM_BYTES = WINDOW_BYTES / 4;

/** Reads from one socket, one read at a time. */
export class Intake implements ReadTarget {
  #window = new ByteWindow(WINDOW_BYTES);
  readonly #socket: FrontSocket;
  readonly #owner: IntakeOwner;
  /** Where the next read goes, and where the pending one does. */
  #target: ReadTarget = this;
  #reading: ReadTarget | undefined;
  #end: IntakeEnd | undefined;
  /** Resolved when that has ended; made when it is waited for. */
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(socket: FrontSocket, owner: IntakeOwner) {
    this.#socket = socket;
    this.#owner = owner;
  }

  /** What has arrived and was not taken, unless it was directed elsewhere. */
  get window(): ByteWindow {
    return this.#window;
  }

  /** How it ended; undefined while it goes on. */
  get end(): IntakeEnd | undefined {
    return this.#end;
  }

  /** Keep a read pending from here on, if there is room for what it brings. */
  listen(): void {
    if (this.#reading !== undefined || this.#end !== undefined) return;
    const space = this.#target.space();
    if (space.length === 0) return;
    this.#reading = this.#target;
    this.#socket.read(space).then(this.#onRead, this.#onFailed);
  }

  /** Have what arrives go to `target`, or to the window, from the next read on. */
  direct(target: ReadTarget | undefined): void {
    this.#target = target ?? this;
  }

  /** Have room for `capacity` bytes and no more, unless more are here or a read is pending. */
  resize(capacity: number): void {
    const { bytes, start, end } = this.#window;
    if (capacity === bytes.length || end - start > capacity || this.#reading === this) return;
    const window = new ByteWindow(capacity);
    window.bytes.set(bytes.subarray(start, end));
    window.end = end - start;
    this.#window = window;
  }

  /** Resolves when no read is pending. */
  idle(): Promise<void> {
    if (this.#reading === undefined) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }

  space(): Uint8Array<ArrayBuffer> {
    const window = this.#window;
    if (window.start > 0 && window.bytes.length - window.end < MIN_ROOM_BYTES) window.compact();
    return window.space();
  }

  arrived(size: number): void {
    this.#window.end += size;
  }

  readonly #onRead = (size: number | null): void => {
    const target = this.#reading;
    this.#rest();
    if (size === null) return this.#ended("closed");
    target?.arrived(size);
    this.#owner.onArrived(size);
  };

  readonly #onFailed = (): void => {
    this.#rest();
    this.#ended("lost");
  };

  #rest(): void {
    this.#reading = undefined;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  #ended(end: IntakeEnd): void {
    this.#end = end;
    this.#owner.onEnded(end);
  }
}
