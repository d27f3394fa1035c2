/**
 * OTLP by gRPC: one unary call for each batch, on one connection.
 *
 * Source: grpc/grpc `doc/PROTOCOL-HTTP2.md`; OTLP's specification for what may be sent again.
 * @module
 */
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  connect,
  IncomingHttpHeaders,
  SecureClientSessionOptions,
} from "node:http2";
import { byteLength, type ByteParts, concatBytes, describeError } from "../base/mod.ts";
import type { OtlpEndpoint } from "../config/mod.ts";
import type { HeaderField } from "../upstream/mod.ts";
import { readPartialSuccess } from "./partial_success.ts";
import type { Delivery, Transport } from "./transport.ts";

/** What it works with. */
export interface GrpcTransportParts {
  readonly endpoint: Pick<OtlpEndpoint, "origin">;
  readonly headers: readonly HeaderField[];
  /** Certificates in PEM form to be trusted beside the usual ones. */
  readonly caCerts: readonly string[];
}

const EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/** A byte that tells of compression, and four of the length. */
const PREFIX_BYTES = 5;

const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_WHY = 200;

const OK = 0;
/** Cancelled, too late, exhausted, aborted, out of range, unavailable, lost. */
const LATER: ReadonlySet<number> = new Set([1, 4, 8, 10, 11, 14, 15]);

/** A way to a collector that takes gRPC. Nobody else needs HTTP/2: it is loaded here. */
export async function grpcTransport(parts: GrpcTransportParts): Promise<Transport> {
  const { connect } = await import("node:http2");
  return new GrpcTransport(parts, connect);
}

class GrpcTransport implements Transport {
  readonly #parts: GrpcTransportParts;
  readonly #connect: typeof connect;
  #session: ClientHttp2Session | undefined;
  /** Why the session has ended, where it has said so. */
  #problem: unknown;

  constructor(parts: GrpcTransportParts, open: typeof connect) {
    this.#parts = parts;
    this.#connect = open;
  }

  send(batch: ByteParts, signal: AbortSignal): Promise<Delivery> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve({ kind: "later", why: "it was given up" });
      const call = this.#call();
      const answer = new Answer();
      const end = (delivery: Delivery): void => {
        signal.removeEventListener("abort", onAbort);
        resolve(delivery);
      };
      const onAbort = (): void => {
        end({ kind: "later", why: "the collector did not answer in time" });
        // A connection that is silent may be one that nobody holds any more.
        this.#close();
      };
      signal.addEventListener("abort", onAbort, { once: true });
      call.on("response", (headers) => answer.head(headers));
      call.on("trailers", (trailers) => answer.tail(trailers));
      call.on("data", (bytes: Uint8Array) => answer.more(bytes));
      call.on("error", (error) => {
        end({ kind: "later", why: describeError(this.#problem ?? error).slice(0, MAX_WHY) });
      });
      call.on("close", () => end(answer.delivery()));
      call.end(framed(batch));
    });
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #call(): ClientHttp2Stream {
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      this.#session = this.#connected();
    }
    return this.#session.request({
      ...Object.fromEntries(this.#parts.headers),
      ":method": "POST",
      ":path": EXPORT,
      "content-type": "application/grpc",
      te: "trailers",
    });
  }

  #connected(): ClientHttp2Session {
    const { endpoint, caCerts } = this.#parts;
    this.#problem = undefined;
    const options: SecureClientSessionOptions = caCerts.length === 0 ? {} : { ca: [...caCerts] };
    const session = this.#connect(endpoint.origin, options);
    session.on("error", (error) => this.#problem = error);
    // The collector takes nothing more on it.
    session.on("goaway", () => session.close());
    return session;
  }

  #close(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }
}

/** What has come of one call. */
class Answer {
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;
  #httpStatus: number | undefined;
  #status: number | undefined;
  #message = "";

  head(headers: IncomingHttpHeaders & { readonly ":status"?: number | undefined }): void {
    this.#httpStatus = headers[":status"];
    // An answer without a message is told in its head alone.
    this.tail(headers);
  }

  tail(fields: IncomingHttpHeaders): void {
    const status = fields["grpc-status"];
    if (status === undefined) return;
    this.#status = Number(status);
    this.#message = String(fields["grpc-message"] ?? "").slice(0, MAX_WHY);
  }

  more(bytes: Uint8Array): void {
    if (this.#bytes + bytes.length > MAX_ANSWER_BYTES) return;
    this.#bytes += bytes.length;
    this.#parts.push(bytes.slice());
  }

  delivery(): Delivery {
    if (this.#status === OK) {
      return readPartialSuccess(concatBytes(this.#parts).subarray(PREFIX_BYTES));
    }
    if (this.#status === undefined) {
      const why = this.#httpStatus === undefined
        ? "the collector closed the connection"
        : `what answers with HTTP status ${this.#httpStatus} is no collector`;
      return { kind: "later", why };
    }
    const said = this.#message === "" ? "" : `: ${this.#message}`;
    const why = `the collector answered with gRPC status ${this.#status}${said}`;
    return { kind: LATER.has(this.#status) ? "later" : "refused", why };
  }
}

/** `batch` as one message, not compressed. */
function framed(batch: ByteParts): Uint8Array {
  const prefix = new Uint8Array(PREFIX_BYTES);
  new DataView(prefix.buffer).setUint32(1, byteLength(batch));
  return concatBytes([prefix, ...batch]);
}
