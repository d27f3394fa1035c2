/** Answers and errors as responses: the only place where an error becomes a status. @module */
import { describeError, encodeUtf8, type Logger, RouterError } from "../base/mod.ts";
import { ERROR_MEANINGS, errorBodyOf } from "../openai/mod.ts";
import { type Answer, type ByteSource, isEventStream, isWhole } from "../request/mod.ts";
import { anthropicRefusal } from "./anthropic_refusal.ts";
import { withCauses } from "./causes.ts";
import { ACCEPTED_CODINGS } from "./coding.ts";
import { tellingFailure } from "./event_stream.ts";

/** How a response came to its end, as a metric label. */
export type Outcome = "ok" | "client_error" | "server_error" | "stream_error" | "client_gone";

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

/** What becomes of an answer on its way to the client. */
export interface Finish {
  readonly path: string;
  readonly requestId: string;
  readonly onFirstByte: OnFirstByte;
  readonly onEnd: OnEnd;
}

/** `answer` with the request's id, and with its end told. */
export function finishedAnswer(
  answer: Answer & { readonly failure?: RouterError },
  { path, requestId, onFirstByte, onEnd }: Finish,
): Answer {
  const { status, body } = answer;
  const headers = [
    ...answer.headers.filter(([name]) => name.toLowerCase() !== "x-request-id"),
    ["x-request-id", requestId] as const,
  ];
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
  const events = isEventStream(answer);
  const source = events ? tellingFailure(body, path) : body;
  const onFirst = events && status < 400 ? onFirstByte : (): void => {};
  return { status, headers, body: watched(source, outcome, onFirst, onEnd) };
}

function outcomeOf(status: number): Outcome {
  if (status < 400) return "ok";
  if (status === 499) return "client_gone";
  return status < 500 ? "client_error" : "server_error";
}

/** `source`, of which the first bytes and the end are told. */
function watched(
  source: ByteSource,
  outcome: Outcome,
  onFirstByte: OnFirstByte,
  onEnd: OnEnd,
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

/**
 * The answer that tells of `error` to a client of `path`; what is not a `RouterError` is a fault of the
 * router's.
 */
export function errorAnswer(
  error: unknown,
  log: Logger,
  path = "",
): Answer & { readonly failure: RouterError } {
  const known = error instanceof RouterError
    ? error
    : new RouterError("internal", "The router failed to handle this request", { cause: error });
  if (known.refusal !== undefined) return { ...known.refusal, failure: known };
  const { status } = ERROR_MEANINGS[known.code];
  if (known.code === "internal") {
    log.error("Request failed", () => ({
      error: describeError(error),
      stack: error instanceof Error ? error.stack : undefined,
    }));
  }
  const headers = [...errorFields(known), ...known.fields];
  const body = anthropicRefusal(known, path) ?? errorBodyOf(withCauses(known));
  return { ...jsonAnswer(status, body, headers), failure: known };
}

/** What a client should do about an error, where a field says that. */
function errorFields({ code, allow }: RouterError): Answer["headers"] {
  if (allow !== undefined) return [["allow", allow]];
  if (code === "overloaded") return [["retry-after", "1"]];
  return code === "unsupported-coding" ? [["accept-encoding", ACCEPTED_CODINGS]] : [];
}

/** An answer with `value` as its JSON body. */
export function jsonAnswer(
  status: number,
  value: unknown,
  headers: Answer["headers"] = [],
): Answer {
  const body = encodeUtf8(JSON.stringify(value));
  return { status, headers: [["content-type", "application/json"], ...headers], body };
}
