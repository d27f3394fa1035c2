/**
 * Streamed answers whose head is sent before there is an answer, so that nobody on the way takes the
 * silence of a long prefill for an end. What would have been told by status and fields is lost then:
 * an error is an event that names its status.
 * @module
 */
import { type Clock, concatBytes, RouterError, sleep } from "../base/mod.ts";
import {
  type Answer,
  type Background,
  type ByteSource,
  isEventStream,
  isWhole,
  type RequestTrace,
} from "../request/mod.ts";
import { answerEventFor, errorEventFor, idFields, type Telling } from "./dialect.ts";
import { PingedStream } from "./pinged_stream.ts";
import { STREAM_FIELDS, type ToldAnswer } from "./respond.ts";

/** Most bytes of an error that are told in an event. */
const MAX_ERROR_BYTES = 64 * 1024;

/** What early heads are sent with. */
export interface EarlyHeadParts {
  readonly clock: Clock;
  readonly background: Pick<Background, "run">;
  readonly telling: Telling;
  readonly trace: RequestTrace;
  /** When the head of an answer that has not begun is sent, in milliseconds. */
  readonly afterMs: number;
  /** The head is sent without an answer. */
  readonly onEarly: () => void;
  /** The client has gone before there was an answer. */
  readonly leave: () => void;
}

/** The head of one answer: sent with it, or before it. */
export class EarlyHead {
  readonly #parts: EarlyHeadParts;
  #isSent = false;

  constructor(parts: EarlyHeadParts) {
    this.#parts = parts;
  }

  /** `answer` in the form in which it can be sent, whether its head is out or not. */
  async fitted(answer: ToldAnswer): Promise<ToldAnswer> {
    return this.#isSent ? await asEvents(answer, this.#parts.telling) : answer;
  }

  /**
   * `answer`, or its head and what will follow, whichever is first: the head once the request is
   * accepted, and is for a stream.
   */
  async before(answer: Promise<Answer>): Promise<Answer> {
    const { clock } = this.#parts;
    if (await this.#comesInTime(answer)) {
      const there = await answer;
      const { body } = there;
      if (isWhole(body) || !isEventStream(there)) return there;
      return { ...there, body: new PingedStream(body, clock) };
    }
    const { telling: { path, requestId }, onEarly } = this.#parts;
    this.#isSent = true;
    onEarly();
    return {
      status: 200,
      headers: [
        ["content-type", "text/event-stream; charset=utf-8"],
        ...STREAM_FIELDS,
        ...idFields(path, requestId),
      ],
      body: new PingedStream(this.#bodyOf(answer), clock, true),
    };
  }

  /** Whether `answer` is to be waited for: it is there, or it is for no stream. */
  async #comesInTime(answer: Promise<Answer>): Promise<boolean> {
    const { clock, afterMs, trace } = this.#parts;
    const over = new AbortController();
    const answered = answer.then(() => true).finally(() => over.abort());
    const accepted = new Promise<boolean>((resolve) => {
      trace.onAccepted(() => resolve(!trace.streams));
    });
    const late = sleep(clock, afterMs, over.signal).then(() => accepted);
    return await Promise.race([answered, late]);
  }

  /** The body of an answer that is yet to come. */
  #bodyOf(answer: Promise<Answer>): ByteSource {
    const { background, leave } = this.#parts;
    const source = answer.then(({ body }) => isWhole(body) ? once(body) : body);
    return {
      read: async () => await (await source).read(),
      cancel() {
        leave();
        background.run(source.then((body) => body.cancel()));
      },
    };
  }
}

/** `answer` as a stream of events, under the status that is its own. */
async function asEvents(answer: ToldAnswer, telling: Telling): Promise<ToldAnswer> {
  const { status } = answer;
  if (status < 400 && isEventStream(answer)) return answer;
  const body = await beginningOf(answer.body);
  const headers = [["content-type", "text/event-stream"]] as const;
  if (status >= 400) {
    return { ...answer, headers, body: answerEventFor(telling, { status, body }) };
  }
  const failure = new RouterError(
    "upstream-protocol",
    `The engine answered ${status} and no stream of events`,
  );
  return { status: 502, headers, body: errorEventFor(telling, failure), failure };
}

/** As much of a body as an event may tell. */
async function beginningOf(body: Answer["body"]): Promise<Uint8Array> {
  if (isWhole(body)) return body;
  const parts: Uint8Array[] = [];
  let length = 0;
  while (length < MAX_ERROR_BYTES) {
    const bytes = await body.read();
    if (bytes === undefined) return concatBytes(parts);
    parts.push(bytes);
    length += bytes.length;
  }
  body.cancel();
  return concatBytes(parts);
}

function once(bytes: Uint8Array): ByteSource {
  let rest: Uint8Array | undefined = bytes;
  return {
    read() {
      const given = rest;
      rest = undefined;
      return Promise.resolve(given);
    },
    cancel: () => {},
  };
}
