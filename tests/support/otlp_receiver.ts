/** A collector on real sockets, by HTTP or gRPC, that does what a test wants of it. @module */
import { createSecureServer, createServer, type Http2Server } from "node:http2";
import type { TracingOptions } from "../../lib/config/mod.ts";
import { type ReadBatch, readBatches, type ReadSpan } from "./otlp.ts";

/** What a receiver does with a batch, by the number of it, from 1 on. */
export type Reaction = (nth: number) =>
  | "take"
  /** A status of HTTP, or of gRPC. */
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** It never answers. */
  | "hang"
  | { readonly refused: number };

/** A running receiver. */
export interface OtlpReceiver extends AsyncDisposable {
  readonly port: number;
  /** What has come and was taken. */
  readonly batches: readonly ReadBatch[];
  /** Batches that have come, whatever became of them. */
  readonly asked: number;
  /** Fields of the last of them. */
  readonly headers: Readonly<Record<string, string>>;
  /** All spans that were taken. */
  spans(): readonly ReadSpan[];
  /** How to trace to it. */
  options(more?: Partial<TracingOptions>): TracingOptions;
}

const PATH = "/v1/traces";
const EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/** What a receiver has seen. */
class Seen {
  readonly batches: ReadBatch[] = [];
  asked = 0;
  headers: Readonly<Record<string, string>> = {};
  readonly #react: Reaction;

  constructor(react: Reaction) {
    this.#react = react;
  }

  take(bytes: Uint8Array, headers: Readonly<Record<string, string>>): ReturnType<Reaction> {
    this.headers = headers;
    const reaction = this.#react(++this.asked);
    const taken = reaction === "take" || (typeof reaction === "object" && "refused" in reaction);
    if (taken) this.batches.push(...readBatches(bytes));
    return reaction;
  }
}

function receiverOf(
  seen: Seen,
  protocol: "grpc" | "http",
  port: number,
  close: () => Promise<void>,
): OtlpReceiver {
  return {
    port,
    batches: seen.batches,
    get asked() {
      return seen.asked;
    },
    get headers() {
      return seen.headers;
    },
    spans: () => seen.batches.flatMap(({ spans }) => spans),
    options: (more = {}) => ({
      endpoint: { protocol, origin: `http://127.0.0.1:${port}`, path: PATH },
      headers: [],
      serviceName: "vllm-router",
      attributes: {},
      sampler: { parentBased: true, ratio: 1 },
      ...more,
    }),
    [Symbol.asyncDispose]: close,
  };
}

/** An answer that says how many spans were refused. */
function partial(refused: number): Uint8Array<ArrayBuffer> {
  const why = new TextEncoder().encode("too old");
  return Uint8Array.from([0x0a, why.length + 4, 0x08, refused, 0x12, why.length, ...why]);
}

/** A collector that takes HTTP. */
export function startHttpReceiver(react: Reaction = () => "take"): OtlpReceiver {
  const seen = new Seen(react);
  const ending = Promise.withResolvers<Response>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (ask) => {
    if (new URL(ask.url).pathname !== PATH || ask.method !== "POST") {
      return new Response("", { status: 404 });
    }
    const bytes = new Uint8Array(await ask.arrayBuffer());
    const reaction = seen.take(bytes, Object.fromEntries(ask.headers));
    if (reaction === "hang") return await ending.promise;
    if (reaction === "take") return new Response("");
    if ("refused" in reaction) return new Response(partial(reaction.refused));
    return new Response("", reaction);
  });
  return receiverOf(seen, "http", server.addr.port, async () => {
    ending.resolve(new Response(""));
    await server.shutdown();
  });
}

/** A collector that takes gRPC; with `tls`, by TLS alone. */
export async function startGrpcReceiver(
  react: Reaction = () => "take",
  tls?: { readonly cert: string; readonly key: string },
): Promise<OtlpReceiver> {
  const seen = new Seen(react);
  const server: Http2Server = tls === undefined ? createServer() : createSecureServer(tls);
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => {});
  });
  server.on("stream", (stream, headers) => {
    const parts: Uint8Array[] = [];
    stream.on("error", () => {});
    stream.on("data", (bytes: Uint8Array) => parts.push(bytes));
    stream.on("end", () => {
      const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const part of parts) {
        bytes.set(part, at);
        at += part.length;
      }
      const told = Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, String(value)]),
      );
      const reaction = headers[":path"] === EXPORT
        ? seen.take(bytes.subarray(5), told)
        : { status: 12 };
      if (reaction === "hang") return;
      const status = typeof reaction === "object" && "status" in reaction ? reaction.status : 0;
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, {
        waitForTrailers: true,
      });
      stream.on("wantTrailers", () => {
        stream.sendTrailers({
          "grpc-status": String(status),
          ...(status === 0 ? {} : { "grpc-message": "not at the moment" }),
        });
      });
      const message = typeof reaction === "object" && "refused" in reaction
        ? partial(reaction.refused)
        : new Uint8Array();
      stream.end(Uint8Array.from([0, 0, 0, 0, message.length, ...message]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("No port");
  return receiverOf(seen, "grpc", address.port, async () => {
    for (const session of sessions) session.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
}
