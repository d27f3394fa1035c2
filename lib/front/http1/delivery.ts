/** One answer on its way to the client. @module */
import { encodeUtf8 } from "../../base/mod.ts";
import type { HeadWriter } from "../../http1/mod.ts";
import type { Answer, ByteSource } from "../../request/mod.ts";
import { encodeAnswerHead } from "./answer_head.ts";
import { type AnswerFraming, type AskedBy, planAnswer } from "./answer_plan.ts";
import { AnswerStream } from "./answer_stream.ts";
import type { Output } from "./output.ts";
import type { Scratch } from "./scratches.ts";

/** What answers are written with. */
export interface DeliveryParts {
  readonly output: Output;
  readonly scratch: Scratch;
  /** The line of the `Date` field. */
  readonly date: Uint8Array;
  /** The answer in place of one that cannot be sent. */
  readonly onFault: (error: unknown) => Answer;
}

/** What became of an answer. */
export interface Delivered {
  /** The client has been sent all of it. */
  readonly complete: boolean;
  /** The connection may serve another request. */
  readonly keepAlive: boolean;
}

const LOST: Delivered = { complete: false, keepAlive: false };

/** In place of an answer that cannot be sent and that nothing can be sent for. */
const LAST_RESORT: Answer = {
  status: 500,
  headers: [["content-type", "text/plain; charset=utf-8"]],
  body: encodeUtf8("Internal Server Error\n"),
};

/** An answer whose head is made. */
interface Prepared {
  readonly head: HeadWriter;
  readonly framing: AnswerFraming;
  /** Undefined where none is sent. */
  readonly body: Answer["body"] | undefined;
  readonly keepAlive: boolean;
}

/** Sends one answer. */
export class Delivery {
  readonly #parts: DeliveryParts;
  #source: ByteSource | undefined;
  #stream: AnswerStream | undefined;
  #left = false;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /** Send `answer`, or another in its place; the connection ends with it unless it `mayKeep`. */
  async send(answer: Answer, asked: AskedBy, mayKeep: boolean): Promise<Delivered> {
    const { head, framing, body, keepAlive } = this.#prepare(answer, asked, mayKeep);
    if (body === undefined || body instanceof Uint8Array) {
      const complete = await this.#writeWhole(head, body);
      return { complete, keepAlive: complete && keepAlive };
    }
    this.#source = body;
    if (framing === "none" || !await this.#roomFor(head) || this.#left) {
      body.cancel();
      return LOST;
    }
    const { output, scratch } = this.#parts;
    const headBytes = head.bytes === scratch.bytes ? head.at : 0;
    this.#stream = new AnswerStream({ source: body, framing, output, scratch, headBytes });
    const complete = await this.#stream.run() === "complete";
    return { complete, keepAlive: complete && keepAlive };
  }

  /** The client has gone: a source is given up. What is whole may go out. */
  leave(): void {
    this.#left = true;
    this.#stream?.stop();
  }

  /** Write something that says nothing, where the answer can bear it: it is lost when that fails. */
  probe(): void {
    this.#stream?.probe();
  }

  /** Whether an answer is under way that is given up when the client leaves. */
  get isStream(): boolean {
    return this.#source !== undefined;
  }

  #prepare(answer: Answer, asked: AskedBy, mayKeep: boolean): Prepared {
    try {
      return this.#encode(answer, asked, mayKeep);
    } catch (error) {
      if (!(answer.body instanceof Uint8Array)) answer.body.cancel();
      return this.#encode(this.#instead(error), asked, false);
    }
  }

  /** What is sent for a fault; checked by encoding it, so that it can be. */
  #instead(error: unknown): Answer {
    const answer = this.#parts.onFault(error);
    try {
      this.#encode(answer, { method: "GET", minor: 1 }, false);
      return answer;
    } catch {
      return LAST_RESORT; // The fault has been told; that its answer is one too adds nothing.
    }
  }

  #encode(answer: Answer, asked: AskedBy, mayKeep: boolean): Prepared {
    const { framing, sendsBody } = planAnswer(answer, asked);
    const keepAlive = mayKeep && framing !== "until-close";
    const usual = asked.minor === 0 ? "keep-alive" : undefined;
    const head = encodeAnswerHead({
      status: answer.status,
      headers: answer.headers,
      framing,
      connection: keepAlive ? usual : "close",
      date: this.#parts.date,
    }, this.#parts.scratch.bytes);
    const { body } = answer;
    if (!sendsBody && !(body instanceof Uint8Array)) body.cancel();
    return { head, framing, body: sendsBody ? body : undefined, keepAlive };
  }

  /** The head with as much of the body as fits behind it, then the rest from where it is. */
  #writeWhole(head: HeadWriter, body: Uint8Array | undefined): Promise<boolean> {
    const { output } = this.#parts;
    const { bytes } = head;
    const room = bytes.length - head.at;
    if (body !== undefined && body.length > room) {
      head.copy(body.subarray(0, room));
      return this.#writeBoth(bytes, body.subarray(room));
    }
    if (body !== undefined) head.copy(body);
    return output.write(bytes.subarray(0, head.at));
  }

  async #writeBoth(first: Uint8Array, rest: Uint8Array): Promise<boolean> {
    const { output } = this.#parts;
    return await output.write(first) && await output.write(rest);
  }

  /** A large head leaves by itself: a chunk's beginning needs room behind it. */
  async #roomFor(head: HeadWriter): Promise<boolean> {
    const { output, scratch } = this.#parts;
    const { bytes } = scratch;
    if (head.bytes === bytes && head.at <= bytes.length / 2) return true;
    const ok = await output.write(head.bytes.subarray(0, head.at));
    head.at = 0;
    return ok;
  }
}
