import { assert, assertEquals } from "../support/assert.ts";
import { configOf, type Given, linesOf } from "./support.ts";

const FLAGS = {
  "routing-logic": "roundrobin",
  "static-backends": "http://a",
  "static-models": "m",
};
const TRACED = { ...FLAGS, "otel-endpoint": "collector:4317" };

const tracingOf = (flags: Readonly<Record<string, string>>, env: Given["env"] = {}) =>
  configOf({ flags, env }).tracing;

Deno.test("resolveConfig() traces nothing without an endpoint, whatever else is said", () => {
  const env = { OTEL_SERVICE_NAME: "x", OTEL_TRACES_SAMPLER: "nonsense" };
  assertEquals(
    tracingOf({ ...FLAGS, "otel-service-name": "y", "otel-secure": "true" }, env),
    undefined,
  );
  assertEquals(tracingOf(FLAGS, { OTEL_EXPORTER_OTLP_ENDPOINT: " " }), undefined);
});

Deno.test("resolveConfig() takes the production-stack router's flags as they are", () => {
  const flags = { ...TRACED, "otel-service-name": "router", "otel-secure": "true" };
  assertEquals(tracingOf(flags), {
    endpoint: { protocol: "grpc", origin: "https://collector:4317", path: "/v1/traces" },
    headers: [],
    serviceName: "router",
    attributes: {},
    sampler: { parentBased: true, ratio: 1 },
  });
  assertEquals(tracingOf(TRACED)?.serviceName, "vllm-router");
});

Deno.test("resolveConfig() takes OpenTelemetry's variables, and flags before them", () => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318",
    OTEL_EXPORTER_OTLP_HEADERS: "X-Key=a%20b, other=c=d ,",
    OTEL_SERVICE_NAME: "mine",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=prod,service.name=theirs,k8s.pod=p%2C1",
    OTEL_TRACES_SAMPLER: "traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "0.25",
  };
  assertEquals(tracingOf(FLAGS, env), {
    endpoint: { protocol: "http", origin: "http://c:4318", path: "/v1/traces" },
    headers: [["x-key", "a b"], ["other", "c=d"]],
    serviceName: "mine",
    attributes: { "deployment.environment": "prod", "k8s.pod": "p,1" },
    sampler: { parentBased: false, ratio: 0.25 },
  });
  const won = tracingOf(
    { ...TRACED, "otel-service-name": "flag", "otel-sample-ratio": "0.5" },
    env,
  );
  assertEquals(
    [won?.endpoint.origin, won?.serviceName, won?.sampler],
    ["http://collector:4317", "flag", { parentBased: true, ratio: 0.5 }],
  );
  const { OTEL_SERVICE_NAME: _, ...unnamed } = env;
  assertEquals(tracingOf(FLAGS, unnamed)?.serviceName, "theirs");
});

Deno.test("resolveConfig() knows OpenTelemetry's samplers", () => {
  const rows = [
    ["always_on", "", false, 1],
    ["always_off", "0.5", false, 0],
    ["traceidratio", "", false, 1],
    ["parentbased_always_on", "x", true, 1],
    ["parentbased_always_off", "", true, 0],
    ["parentbased_traceidratio", "0.1", true, 0.1],
  ] as const;
  for (const [name, argument, parentBased, ratio] of rows) {
    const env = { OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument };
    assertEquals(tracingOf(TRACED, env)?.sampler, { parentBased, ratio }, name);
  }
});

Deno.test("resolveConfig() says what is wrong with tracing, and tells no secret", () => {
  const rows: readonly (readonly [string, Readonly<Record<string, string>>, Given["env"]])[] = [
    ["--otel-endpoint", { ...FLAGS, "otel-endpoint": "http://me:hush@c" }, {}],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", FLAGS, { OTEL_EXPORTER_OTLP_ENDPOINT: "hush" }],
    ["OTEL_EXPORTER_OTLP_HEADERS", TRACED, { OTEL_EXPORTER_OTLP_HEADERS: "hush" }],
    ["OTEL_EXPORTER_OTLP_HEADERS", TRACED, { OTEL_EXPORTER_OTLP_HEADERS: "a=hush%0d%0ab" }],
    ["OTEL_EXPORTER_OTLP_HEADERS", TRACED, { OTEL_EXPORTER_OTLP_HEADERS: "a=hush%" }],
    ["OTEL_EXPORTER_OTLP_HEADERS", TRACED, { OTEL_EXPORTER_OTLP_HEADERS: "Content-Type=hush" }],
    ["OTEL_RESOURCE_ATTRIBUTES", TRACED, { OTEL_RESOURCE_ATTRIBUTES: "=hush" }],
    ["OTEL_TRACES_SAMPLER", TRACED, { OTEL_TRACES_SAMPLER: "jaeger_remote" }],
    ["OTEL_TRACES_SAMPLER_ARG", TRACED, {
      OTEL_TRACES_SAMPLER: "traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "2",
    }],
  ];
  for (const [key, flags, env = {}] of rows) {
    const lines = linesOf({ flags, env });
    assertEquals(lines.length, 1, `${key}: ${lines}`);
    assert(lines[0]?.startsWith(key) && !lines[0].includes("hush"), lines[0]);
  }
});
