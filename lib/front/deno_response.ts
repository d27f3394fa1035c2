/** An answer as `Deno.serve` takes it. @module */
import type { Answer, ByteSource } from "../request/mod.ts";
import type { IdleWheel } from "./idle_wheel.ts";

/** Statuses that must not have a body. */
const BODILESS = new Set([101, 204, 205, 304]);

/** What a response is made with. */
export interface ResponseParts {
  /** Has the limit of the time in which a client may take nothing. */
  readonly wheel: IdleWheel;
  /** The client took nothing for too long. */
  readonly onTooLong: () => void;
}

/**
 * The response that carries `answer`. Throws `TypeError` for a field that none may carry, and for a
 * source where no body may be; the source is cancelled then.
 */
export function responseOf(answer: Answer, parts: ResponseParts): Response {
  const { status, headers, body } = answer;
  try {
    if (body instanceof Uint8Array) {
      const bytes = BODILESS.has(status) ? null : body as Uint8Array<ArrayBuffer>;
      return withFields(bytes, status, headers);
    }
    return withFields(streamOf(body, parts), status, headers);
  } catch (error) {
    if (!(body instanceof Uint8Array)) body.cancel();
    throw error;
  }
}

/** Fields are added one by one: the platform copies and checks a whole set twice. */
function withFields(
  body: BodyInit | null,
  status: number,
  headers: Answer["headers"],
): Response {
  const response = new Response(body, { status });
  for (const [name, value] of headers) response.headers.append(name, value);
  return response;
}

/** `source` as the stream the server takes; it is read only as fast as the client reads. */
function streamOf(
  source: ByteSource,
  { wheel, onTooLong }: ResponseParts,
): ReadableStream<Uint8Array> {
  let stream: ReadableStreamDefaultController<Uint8Array> | undefined;
  const wait = wheel.watch(() => {
    onTooLong();
    source.cancel();
    stream?.error(new Error("The client took nothing of its answer for too long"));
  });
  return new ReadableStream<Uint8Array>({
    start(controller) {
      stream = controller;
    },
    async pull(controller) {
      wait.disarm();
      // What it rejects with breaks the connection: the client sees that the body is cut short.
      const bytes = await source.read();
      if (bytes === undefined) controller.close();
      else {
        controller.enqueue(bytes);
        wait.arm();
      }
    },
    cancel() {
      wait.disarm();
      source.cancel();
    },
  }, { highWaterMark: 0 });
}
