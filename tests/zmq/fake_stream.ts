/** A TCP connection whose other end is the test. @module */
import type { PullStream } from "../../lib/zmq/zmtp_pull.ts";
import { hex } from "./support.ts";

/** What libzmq sends first. */
export const PEER_GREETING = hex(
  `ff 00 00 00 00 00 00 00 00 7f 03 01 4e 55 4c 4c ${"00 ".repeat(48)}`,
);
/** READY of a PUSH socket. */
export const PEER_READY = hex(
  `04 1a 05 52 45 41 44 59 0b 53 6f 63 6b 65 74 2d 54 79 70 65 00 00 00 04 50 55 53 48`,
);

/** A stream whose other end is the test. */
export class FakeStream implements PullStream {
  readonly remoteAddr = { hostname: "10.0.0.2", port: 4000 };
  readonly written: number[] = [];
  closed = 0;
  keptAlive = false;
  #incoming: (Uint8Array | Error | null)[] = [];
  #wake: (() => void) | undefined;

  /** Most bytes one write takes. */
  constructor(readonly writeLimit = Infinity) {}

  /** What the peer has sent and nobody has read. */
  get unread(): number {
    return this.#incoming.length;
  }

  /** The peer sends bytes, ends (`null`) or breaks. */
  deliver(what: Uint8Array | Error | null): void {
    this.#incoming.push(what);
    this.#wake?.();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#incoming.length === 0) {
      if (this.closed > 0) throw new Deno.errors.BadResource("Bad resource ID");
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const next = this.#incoming.shift() ?? null;
    if (next === null) return null;
    if (next instanceof Error) throw next;
    const count = Math.min(next.length, buffer.length);
    buffer.set(next.subarray(0, count));
    if (count < next.length) this.#incoming.unshift(next.subarray(count));
    return count;
  }

  write(bytes: Uint8Array): Promise<number> {
    const count = Math.min(bytes.length, this.writeLimit);
    this.written.push(...bytes.subarray(0, count));
    return Promise.resolve(count);
  }

  setKeepAlive(keepAlive: boolean): void {
    this.keptAlive = keepAlive;
  }

  close(): void {
    this.closed++;
    this.#wake?.();
  }
}
