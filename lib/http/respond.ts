/** Answers and errors as responses: the only place where an error becomes a status. @module */
import { describeError, encodeUtf8, type Logger, overloadIn, RouterError } from "../base/mod.ts";
import { ERROR_MEANINGS, meaningOf } from "../openai/mod.ts";
import {
  type Answer,
  type ByteSource,
  isEventStream,
  isWhole,
  type RequestOutcome,
} from "../request/mod.ts";
import { ACCEPTED_CODINGS } from "./coding.ts";
import { errorBodyFor, idFields, type Telling } from "./dialect.ts";
import { tellingFailure } from "./event_stream.ts";

/** How a response came to its end, as a metric label. */
export type Outcome = RequestOutcome;

/** Told once, when the last byte is out or nobody wants it. */
export type OnEnd = (outcome: Outcome, failure?: unknown) => void;

/** Told once, when the first bytes of a streamed answer leave. */
export type OnFirstByte = () => void;

/** Statuses that must not have a body. */
const BODILESS = new Set([101, 204, 205, 304]);

const FIELD_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * What keeps any response from carrying `answer`, e.g. a field of an engine's; undefined for nothing.
 * Source: RFC 9110 section 5.
 */
export function unsendable({ status, headers }: Answer): Error | undefined {
  if (status !== 101 && (status < 200 || status > 599)) {
    return new RangeError(`Status ${status} is none of an answer`);
  }
  for (const [name, value] of headers) {
    if (!FIELD_NAME.test(name)) {
      return new TypeError(`No header field is named ${JSON.stringify(name)}`);
    }
    if (!FIELD_VALUE.test(value)) {
      return new TypeError(`Header field ${name} has no value that is one`);
    }
  }
  return undefined;
}

/** An answer, and what it tells of if that is a failure. */
export type ToldAnswer = Answer & { readonly failure?: RouterError };

/** What becomes of an answer on its way to the client. */
export interface Finish {
  readonly telling: Telling;
  readonly onFirstByte: OnFirstByte;
  readonly onEnd: OnEnd;
  /** What the end of a streamed answer waits for; undefined for nothing. */
  readonly beforeEnd?: (() => Promise<void> | undefined) | undefined;
}

/** `answer` with the request's id, and with its end told. */
export function finishedAnswer(answer: ToldAnswer, finish: Finish): Answer {
  const { telling, onFirstByte, onEnd } = finish;
  const { path, requestId } = telling;
  const { status, body } = answer;
  const events = isEventStream(answer);
  const own = [...idFields(path, requestId), ...(events ? STREAM_FIELDS : [])];
  const headers = [...answer.headers.filter(([name]) => !isOneOf(own, name)), ...own];
  const outcome = outcomeOf(status);
  if (BODILESS.has(status)) {
    if (!isWhole(body)) body.cancel();
    onEnd(outcome);
    return { status, headers, body: new Uint8Array(0) };
  }
  if (isWhole(body)) {
    onEnd(outcome, answer.failure);
    return { status, headers, body };
  }
  const source = events ? tellingFailure(body, path, telling) : body;
  const onFirst = events && status < 400 ? onFirstByte : (): void => {};
  const watch = { outcome, onFirstByte: onFirst, onEnd, beforeEnd: finish.beforeEnd };
  return { status, headers, body: watched(source, watch) };
}

/** Fields of every stream: nobody on its way shall keep events back. */
export const STREAM_FIELDS = [["cache-control", "no-cache"], ["x-accel-buffering", "no"]] as const;

function isOneOf(fields: Answer["headers"], name: string): boolean {
  const lower = name.toLowerCase();
  return fields.some(([other]) => other === lower);
}

function outcomeOf(status: number): Outcome {
  if (status < 400) return "ok";
  if (status === 499) return "client_gone";
  return status < 500 ? "client_error" : "server_error";
}

/** `source`, of which the first bytes and the end are told. */
function watched(
  source: ByteSource,
  { outcome, onFirstByte, onEnd, beforeEnd }: Omit<Finish, "telling"> & {
    readonly outcome: Outcome;
  },
): ByteSource {
  let begun = false;
  let ended = false;
  const end = (as: Outcome, failure?: unknown): void => {
    if (ended) return;
    ended = true;
    onEnd(as, failure);
  };
  return {
    async read() {
      try {
        const bytes = await source.read();
        if (bytes === undefined) {
          const waits = beforeEnd?.();
          if (waits !== undefined) await waits;
          end(source.failure === undefined ? outcome : "stream_error", source.failure);
        } else if (!begun) {
          begun = true;
          onFirstByte();
        }
        return bytes;
      } catch (error) {
        end("stream_error", error);
        throw error;
      }
    },
    cancel() {
      end("client_gone");
      source.cancel();
    },
  };
}

/** How errors are told to nobody that is known. */
const PLAINLY: Telling = { path: "", requestId: "", told: (error) => error };

/** When a client that found no room may come again, in seconds. */
const RETRY_AFTER_S = "1";

/**
 * The answer that tells a client of `error`; what is not a `RouterError` is a fault of the router's.
 */
export function errorAnswer(
  error: unknown,
  log: Logger,
  telling: Telling = PLAINLY,
): Answer & { readonly failure: RouterError } {
  const known = error instanceof RouterError
    ? error
    : new RouterError("internal", "The router failed to handle this request", { cause: error });
  if (known.refusal !== undefined) return { ...known.refusal, failure: known };
  const { status } = meaningOf(known);
  if (known.code === "internal") {
    log.error("Request failed", () => ({
      error: describeError(error),
      stack: error instanceof Error ? error.stack : undefined,
    }));
  }
  return {
    ...jsonAnswer(status, errorBodyFor(telling, known), [...errorFields(known), ...known.fields]),
    failure: known,
  };
}

/** What a front answers that turns a client away with `status` before there is a request. */
export function refusalAnswer(status: number, why: string): Answer & { readonly body: Uint8Array } {
  const known = Object.values(ERROR_MEANINGS).find((meaning) => meaning.status === status);
  const type = known?.type ?? (status < 500 ? "BadRequestError" : "InternalServerError");
  const message = `${why.slice(0, 1).toUpperCase()}${why.slice(1)}`;
  return jsonAnswer(status, { error: { message, type, param: null, code: status } });
}

/** What a client should do about an error, where a field says that. */
function errorFields(error: RouterError): Answer["headers"] {
  const { code, allow, fields } = error;
  if (allow !== undefined) return [["allow", allow]];
  if (overloadIn(error) !== undefined && !fields.some(([name]) => name === "retry-after")) {
    return [["retry-after", RETRY_AFTER_S]];
  }
  return code === "unsupported-coding" ? [["accept-encoding", ACCEPTED_CODINGS]] : [];
}

/** An answer with `value` as its JSON body. */
export function jsonAnswer(
  status: number,
  value: unknown,
  headers: Answer["headers"] = [],
): Answer & { readonly body: Uint8Array } {
  const body = encodeUtf8(JSON.stringify(value));
  return { status, headers: [["content-type", "application/json"], ...headers], body };
}
