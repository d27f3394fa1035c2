/** Tracing, put together where the configuration asks for it: what does the work is loaded then. @module */
import type { Clock, Logger, Random, Spans } from "./base/mod.ts";
import type { RouterConfig, TracingOptions } from "./config/mod.ts";
import type { Metrics } from "./metrics/mod.ts";
import type { RequestTrace } from "./request/mod.ts";
import type { Arrived, Transport } from "./tracing/mod.ts";
import { createUpstreamClient, type HeaderField } from "./upstream/mod.ts";

/** What it works with. */
export interface TracingParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly version: string;
  /** Certificates in PEM form to be trusted beside the usual ones. */
  readonly caCerts: readonly string[];
}

/** Traces requests. Disposing it sends what waits, for a moment. */
export interface Tracing extends AsyncDisposable {
  begin(arrived: Arrived): Spans;
  ended(trace: RequestTrace): void;
  /** Set the gauges to what holds at this moment. */
  gauge(): void;
}

/** Begin to trace; undefined where the configuration does not ask for it. */
export async function openTracing(
  { tracing: options }: Pick<RouterConfig, "tracing">,
  parts: TracingParts,
): Promise<Tracing | undefined> {
  if (options === undefined) return undefined;
  const { OtlpEncoder, SpanExporter, Tracer } = await import("./tracing/mod.ts");
  const { metrics, random, version } = parts;
  const encoder = new OtlpEncoder({
    version,
    attributes: {
      "service.version": version,
      // Several processes of one router are told apart by it.
      "service.instance.id": random.uuid(),
      ...options.attributes,
      "service.name": options.serviceName,
    },
  });
  const collector = options.endpoint.origin.replace(/^https?:\/\//, "");
  const transport = await transportTo(options, parts);
  const exporter = new SpanExporter({ ...parts, encoder, transport, collector });
  const tracer = new Tracer({
    ...parts,
    encoder,
    sampler: options.sampler,
    onSpan: (span) => exporter.add(span),
  });
  return {
    begin: (arrived) => tracer.begin(arrived),
    ended: (trace) => tracer.ended(trace),
    gauge: () => metrics.set("pd_router_spans_waiting", {}, exporter.waiting),
    [Symbol.asyncDispose]: () => exporter[Symbol.asyncDispose](),
  };
}

async function transportTo(
  { endpoint, headers: given }: TracingOptions,
  { clock, version, caCerts }: TracingParts,
): Promise<Transport> {
  const { grpcTransport, httpTransport } = await import("./tracing/mod.ts");
  const headers: readonly HeaderField[] = [["user-agent", `pd-router/${version}`], ...given];
  if (endpoint.protocol === "grpc") return await grpcTransport({ endpoint, headers, caCerts });
  return httpTransport({ endpoint, headers, upstream: createUpstreamClient({ clock, caCerts }) });
}
