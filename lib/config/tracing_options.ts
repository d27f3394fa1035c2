/** Where requests are traced to, and which. @module */

/** Which requests are traced. */
export interface Sampler {
  /** A request that comes with a context is traced if its client traces it. */
  readonly parentBased: boolean;
  /** Share of all others, 0 to 1. */
  readonly ratio: number;
}

/** A collector that speaks OTLP. */
export interface OtlpEndpoint {
  readonly protocol: "grpc" | "http";
  /** Scheme, host and port: `https` for TLS. */
  readonly origin: string;
  /** With `http`: where spans are posted to. */
  readonly path: string;
}

/** How requests are traced. */
export interface TracingOptions {
  readonly endpoint: OtlpEndpoint;
  /** Fields for the collector: they may be secrets. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly serviceName: string;
  /** What else is told of the process. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly sampler: Sampler;
}
