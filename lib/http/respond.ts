/** Answers and errors as responses: the only place where an error becomes a status. @module */
import { describeError, encodeUtf8, type Logger, RouterError } from "../base/mod.ts";
import { ERROR_MEANINGS, errorBodyOf } from "../openai/mod.ts";
import { type Answer, type ByteSource, isEventStream, isWhole } from "../request/mod.ts";
import { withCauses } from "./causes.ts";
import { tellingFailure } from "./event_stream.ts";

/** How a response came to its end, as a metric label. */
export type Outcome = "ok" | "client_error" | "server_error" | "stream_error" | "client_gone";

/** Told once, when the last byte is out or nobody wants it. */
export type OnEnd = (outcome: Outcome, failure?: unknown) => void;

/** Told once, when the first bytes of a streamed answer leave. */
export type OnFirstByte = () => void;

/** Statuses that must not have a body. */
const BODILESS = new Set([101, 204, 205, 304]);

/**
 * The response for an answer of `path`. Throws, the body given back and no end told, when no response
 * can carry it, e.g. for a header field.
 */
export function answerResponse(
  answer: Answer & { readonly failure?: RouterError },
  path: string,
  requestId: string,
  onFirstByte: OnFirstByte,
  onEnd: OnEnd,
): Response {
  const { status, body } = answer;
  const outcome = outcomeOf(status);
  if (BODILESS.has(status)) {
    const response = responseOf(null, answer, requestId);
    giveBack(body);
    onEnd(outcome);
    return response;
  }
  if (isWhole(body)) {
    const response = responseOf(body as Uint8Array<ArrayBuffer>, answer, requestId);
    onEnd(outcome, answer.failure);
    return response;
  }
  const events = isEventStream(answer);
  const source = events ? tellingFailure(body, path) : body;
  const onFirst = events && status < 400 ? onFirstByte : (): void => {};
  return responseOf(streamOf(source, outcome, onFirst, onEnd), answer, requestId);
}

/** Fields are added one by one: the platform copies and checks a whole set twice. */
function responseOf(
  body: BodyInit | null,
  answer: Answer,
  requestId: string,
): Response {
  try {
    const response = new Response(body, { status: answer.status });
    for (const [name, value] of answer.headers) response.headers.append(name, value);
    response.headers.set("x-request-id", requestId);
    return response;
  } catch (error) {
    giveBack(answer.body);
    throw error;
  }
}

function giveBack(body: Answer["body"]): void {
  if (!isWhole(body)) body.cancel();
}

function outcomeOf(status: number): Outcome {
  if (status < 400) return "ok";
  if (status === 499) return "client_gone";
  return status < 500 ? "client_error" : "server_error";
}

/** `source` as the stream the server takes; it is read only as fast as the client reads. */
function streamOf(
  source: ByteSource,
  outcome: Outcome,
  onFirstByte: OnFirstByte,
  onEnd: OnEnd,
): ReadableStream<Uint8Array> {
  let begun = false;
  let ended = false;
  const end = (as: Outcome, failure?: unknown): void => {
    if (ended) return;
    ended = true;
    onEnd(as, failure);
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const bytes = await source.read();
        if (bytes === undefined) {
          end(source.failure === undefined ? outcome : "stream_error", source.failure);
          controller.close();
          return;
        }
        if (!begun) {
          begun = true;
          onFirstByte();
        }
        controller.enqueue(bytes);
      } catch (error) {
        end("stream_error", error);
        throw error; // Breaks the connection: the client sees that the body is cut short.
      }
    },
    cancel() {
      end("client_gone");
      source.cancel();
    },
  }, { highWaterMark: 0 });
}

/** The answer that tells of `error`; what is not a `RouterError` is a fault of the router's. */
export function errorAnswer(
  error: unknown,
  log: Logger,
): Answer & { readonly failure: RouterError } {
  const known = error instanceof RouterError
    ? error
    : new RouterError("internal", "The router failed to handle this request", { cause: error });
  const { status } = ERROR_MEANINGS[known.code];
  if (known.code === "internal") {
    log.error("Request failed", () => ({
      error: describeError(error),
      stack: error instanceof Error ? error.stack : undefined,
    }));
  }
  const headers = known.allow === undefined ? [] : [["allow", known.allow] as const];
  return { ...jsonAnswer(status, errorBodyOf(withCauses(known)), headers), failure: known };
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
