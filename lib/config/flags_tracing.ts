/** Flags of tracing, of which the first three are the production-stack router's. @module */
import type { EnvironmentOnly, FlagGroup } from "./flag.ts";

/** Where requests are traced to. */
export const TRACING_FLAGS = {
  title: "Tracing",
  flags: [
    {
      name: "otel-endpoint",
      type: "string",
      help:
        "Collector that spans of requests are sent to by OTLP: host:port for gRPC, or an http " +
        "or https URL for HTTP (on port 4317 for gRPC). None are made when not given",
    },
    {
      name: "otel-service-name",
      type: "string",
      default: "vllm-router",
      help: "Name of the service in traces",
    },
    {
      name: "otel-secure",
      type: "flag",
      help: "Reach an --otel-endpoint of the form host:port by TLS",
    },
    {
      name: "otel-sample-ratio",
      type: "float",
      default: 1,
      range: [0, 1],
      help: "Share of requests that are traced; of those that come with a traceparent, the ones " +
        "whose client traces them",
    },
  ],
} as const satisfies FlagGroup;

/** What OpenTelemetry's own variables begin with. */
export const OTEL_PREFIX = "OTEL_";

/** Those that count here; flags win over them. */
export const TRACING_VARIABLES = [
  {
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    help: "As --otel-endpoint",
    secret: false,
  },
  {
    name: "OTEL_EXPORTER_OTLP_PROTOCOL",
    help: "How an endpoint that is a URL is spoken to: grpc or http/protobuf",
    secret: false,
  },
  {
    name: "OTEL_EXPORTER_OTLP_HEADERS",
    help: "Fields for the collector, such as its key: name=value,...",
    secret: true,
  },
  {
    name: "OTEL_SERVICE_NAME",
    help: "As --otel-service-name",
    secret: false,
  },
  {
    name: "OTEL_RESOURCE_ATTRIBUTES",
    help: "What else is told of the router in traces: name=value,...",
    secret: false,
  },
  {
    name: "OTEL_TRACES_SAMPLER",
    help: "always_on, always_off, traceidratio, or one of these behind parentbased_",
    secret: false,
  },
  {
    name: "OTEL_TRACES_SAMPLER_ARG",
    help: "As --otel-sample-ratio, for a sampler by ratio",
    secret: false,
  },
] as const satisfies readonly EnvironmentOnly[];
