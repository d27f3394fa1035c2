/** Engines without sockets: what they read and write is in the test's hands. @module */
import type { Dial, Origin, Socket } from "../../../lib/upstream/mod.ts";
import { decodeUtf8, encodeUtf8 } from "../../../lib/base/mod.ts";
import { settle } from "../../support/fake_clock.ts";

type ReadResult = Uint8Array | Error | null;

/** One connection, seen from the engine's side. */
export class MemorySocket implements Socket {
  readonly origin: Origin | undefined;
  /** Every write as it was asked for; not copied, so that identity can be checked. */
  readonly writes: Uint8Array[] = [];
  /** Bytes taken of each write; the rest waits. Infinity takes all. */
  acceptBytes = Infinity;
  closed = false;
  #received = "";
  #arrived: ReadResult[] = [];
  #reader:
    | { target: Uint8Array; resolve(n: number | null): void; reject(e: Error): void }
    | undefined;
  #writers: { resolve(n: number): void; reject(e: Error): void; data: Uint8Array }[] = [];

  constructor(origin?: Origin) {
    this.origin = origin;
  }

  /** All that was written so far. */
  get received(): string {
    return this.#received;
  }

  /** True while a read waits for bytes. */
  get reading(): boolean {
    return this.#reader !== undefined;
  }

  /** What was sent and has not been read: pieces, and the end. */
  get unread(): number {
    return this.#arrived.length;
  }

  /** Send bytes to the client, or end (null) or break (Error) the connection. */
  send(...results: (string | ReadResult)[]): void {
    for (const result of results) {
      this.#arrived.push(typeof result === "string" ? encodeUtf8(result) : result);
    }
    this.#pump();
  }

  /** Let waiting writes go on, with so many bytes. */
  resumeWrites(acceptBytes = Infinity): void {
    this.acceptBytes = acceptBytes;
    for (const { data, resolve } of this.#writers.splice(0)) resolve(this.#take(data));
  }

  /** Make waiting writes fail. */
  failWrites(error: Error): void {
    for (const writer of this.#writers.splice(0)) writer.reject(error);
  }

  read(target: Uint8Array): Promise<number | null> {
    if (this.closed) return Promise.reject(new Deno.errors.BadResource("Bad resource ID"));
    if (this.#reader !== undefined) return Promise.reject(new Error("two reads at once"));
    if (target.length === 0) return Promise.reject(new Error("read into nothing"));
    return new Promise((resolve, reject) => {
      this.#reader = { target, resolve, reject };
      this.#pump();
    });
  }

  write(data: Uint8Array): Promise<number> {
    if (this.closed) return Promise.reject(new Deno.errors.BadResource("Bad resource ID"));
    this.writes.push(data);
    if (this.acceptBytes > 0) return Promise.resolve(this.#take(data));
    return new Promise((resolve, reject) => this.#writers.push({ resolve, reject, data }));
  }

  close(): void {
    if (this.closed) throw new Deno.errors.BadResource("Bad resource ID");
    this.closed = true;
    const gone = new Deno.errors.Interrupted("operation canceled");
    this.#reader?.reject(gone);
    this.#reader = undefined;
    this.failWrites(gone);
  }

  #take(data: Uint8Array): number {
    const taken = Math.min(data.length, this.acceptBytes);
    this.acceptBytes -= taken;
    this.#received += decodeUtf8(data.subarray(0, taken));
    return taken;
  }

  #pump(): void {
    const reader = this.#reader;
    const [first] = this.#arrived;
    if (reader === undefined || first === undefined) return;
    this.#reader = undefined;
    if (first instanceof Uint8Array && first.length > reader.target.length) {
      this.#arrived[0] = first.subarray(reader.target.length);
    } else {
      this.#arrived.shift();
    }
    if (first instanceof Error) return reader.reject(first);
    if (first === null) return reader.resolve(null);
    const bytes = first.subarray(0, reader.target.length);
    reader.target.set(bytes);
    reader.resolve(bytes.length);
  }
}

/** Dials that the test answers. Each connection is made at once unless told otherwise. */
export class MemoryEngines {
  readonly sockets: MemorySocket[] = [];
  /** Called with each new socket, e.g. to queue what it will answer. */
  onConnect: (socket: MemorySocket, index: number) => void = () => {};

  readonly dial: Dial = (origin) => {
    const socket = new MemorySocket(origin);
    this.sockets.push(socket);
    this.onConnect(socket, this.sockets.length - 1);
    return Promise.resolve(socket);
  };

  /** The connection of this number, once it has been made. */
  async socket(index: number): Promise<MemorySocket> {
    await settle();
    const socket = this.sockets[index];
    if (socket === undefined) throw new Error(`no connection ${index} was made`);
    return socket;
  }
}
