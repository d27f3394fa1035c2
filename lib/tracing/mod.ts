/**
 * Requests as OpenTelemetry traces: a span for each request, each of its exchanges with engines and each of
 * its waits, sent to a collector by OTLP.
 *
 * Knows nothing of how requests are served: it is told of what has ended. Loaded only where it is asked for.
 * @module
 */
export { type ExporterParts, MAX_BATCH, SpanExporter } from "./exporter.ts";
export { grpcTransport, type GrpcTransportParts } from "./grpc_transport.ts";
export { httpTransport, type HttpTransportParts } from "./http_transport.ts";
export { OtlpEncoder, type Resource } from "./otlp.ts";
export { type Arrived, Tracer, type TracerParts } from "./tracer.ts";
export type { Delivery, Transport } from "./transport.ts";
