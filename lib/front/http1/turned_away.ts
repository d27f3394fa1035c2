/** Connections that are not served: a word of why, and the end. @module */
import { type Clock, concatBytes } from "../../base/mod.ts";
import type { FrontOptions } from "../contract/mod.ts";
import { encodeAnswerHead } from "./answer_head.ts";
import type { DateField } from "./date_field.ts";
import { refusalAnswer } from "./refusal_answer.ts";
import { closeQuietly, type FrontSocket } from "./socket.ts";

/** Connections that are told so at the same time; those beyond are closed without a word. */
export const MAX_TOLD = 64;

/** How long one may take to take it, in milliseconds, and how much it may still send. */
export const TOLD_MS = 1_000;
const MAX_DROPPED_BYTES = 64 * 1024;

/** The same for those that others wait behind: until their request is here, not until they close. */
export const HURRIED_MS = 50;
const HURRIED_BYTES = 1;

const BUSY = { status: 503, message: "Too many connections" } as const;

/** Tells clients that they are not served. */
export class TurnedAway {
  readonly #clock: Clock;
  readonly #date: DateField;
  readonly #onRefusal: FrontOptions["onRefusal"];
  readonly #open = new Set<FrontSocket>();

  constructor(clock: Clock, date: DateField, onRefusal?: FrontOptions["onRefusal"]) {
    this.#clock = clock;
    this.#date = date;
    this.#onRefusal = onRefusal;
  }

  /**
   * Answer 503 and close; resolves when nothing of the connection is left. Never rejects.
   * @param hurried Others wait until it is over.
   */
  async tell(socket: FrontSocket, hurried: boolean): Promise<void> {
    if (this.#open.size >= MAX_TOLD) return closeQuietly(socket);
    const limitMs = hurried ? HURRIED_MS : TOLD_MS;
    using _limit = this.#clock.after(limitMs, () => closeQuietly(socket));
    this.#open.add(socket);
    try {
      await socket.write(this.#busy());
      await socket.closeWrite();
      // Were it closed with bytes unread, it might lose the answer.
      const dropped = new Uint8Array(4096);
      const most = hurried ? HURRIED_BYTES : MAX_DROPPED_BYTES;
      for (let size = 0; size < most;) {
        const read = await socket.read(dropped);
        if (read === null) break;
        size += read;
      }
    } catch {
      // It has gone, or its time is over: there is nobody to tell.
    } finally {
      this.#open.delete(socket);
      closeQuietly(socket);
    }
  }

  /** Close those that are being told. */
  close(): void {
    for (const socket of this.#open) closeQuietly(socket);
  }

  #busy(): Uint8Array {
    const { status, headers, body } = refusalAnswer(BUSY, this.#onRefusal);
    const head = encodeAnswerHead({
      status,
      headers,
      framing: body.length,
      connection: "close",
      date: this.#date.line(),
    }, new Uint8Array(0));
    return concatBytes([head.bytes.subarray(0, head.at), body]);
  }
}
