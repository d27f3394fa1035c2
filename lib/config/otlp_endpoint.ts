/** Where a collector is, and how it is spoken to. Pure. @module */
import type { OtlpEndpoint } from "./tracing_options.ts";
import type { Parsed } from "./value.ts";

/** What is said besides. */
export interface OtlpWish {
  /** TLS, where the text has no scheme. */
  readonly secure: boolean;
  /** `OTEL_EXPORTER_OTLP_PROTOCOL`; empty for what the text says. */
  readonly protocol: string;
}

/** The port of OTLP by gRPC: whoever gives it in a URL has not changed the protocol. */
const GRPC_PORT = "4317";

/** What spans are posted to, below a collector's own path. */
const TRACES_PATH = "/v1/traces";

const PROTOCOLS: Readonly<Record<string, OtlpEndpoint["protocol"]>> = {
  "grpc": "grpc",
  "http/protobuf": "http",
};

/** The collector that `text` names: `host:port`, or a URL. */
export function otlpEndpoint(text: string, { secure, protocol }: OtlpWish): Parsed<OtlpEndpoint> {
  if (protocol !== "" && !Object.hasOwn(PROTOCOLS, protocol)) {
    return bad("expected OTEL_EXPORTER_OTLP_PROTOCOL to be grpc or http/protobuf");
  }
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const written = isUrl ? text : `${secure ? "https" : "http"}://${text}`;
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === "") {
    return bad("expected host:port, or an http or https URL");
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    return bad(
      "expected no credentials, query or fragment: keys are in OTEL_EXPORTER_OTLP_HEADERS",
    );
  }
  if (!isUrl && (url.pathname !== "/" || !/:\d+$/.test(text))) return bad("expected host:port");
  if (isUrl && secure && url.protocol === "http:") {
    return bad("expected https with --otel-secure, or host:port");
  }
  const spoken = isUrl ? PROTOCOLS[protocol] ?? usual(url) : "grpc";
  const base = url.pathname.replace(/\/+$/, "");
  return {
    ok: true,
    value: {
      protocol: spoken,
      origin: url.origin,
      path: base.endsWith(TRACES_PATH) ? base : base + TRACES_PATH,
    },
  };
}

function usual({ port }: URL): OtlpEndpoint["protocol"] {
  return port === GRPC_PORT ? "grpc" : "http";
}

function bad(message: string): Parsed<never> {
  return { ok: false, message };
}
