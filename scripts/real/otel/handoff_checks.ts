/** Handoffs as the collector sees them, by each way to it. @module */
import { must } from "../check.ts";
import {
  clientTrace,
  MODEL,
  type OtelScene,
  type Pair,
  post,
  spansOf,
  startPair,
} from "./scene.ts";
import type { SeenSpan } from "./seen.ts";

const BODY = {
  model: MODEL,
  messages: [{ role: "user", content: "Tell me about the river." }],
  max_tokens: 8,
};

/** By gRPC, by HTTP, and by gRPC in TLS. */
export const HANDOFFS = {
  grpc: (scene: OtelScene): Promise<void> =>
    handoffs(scene, "grpc", ["--otel-endpoint", `127.0.0.1:${scene.ports.grpc}`], {}),
  http: (scene: OtelScene): Promise<void> =>
    handoffs(scene, "http", [], {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${scene.ports.http}`,
      OTEL_SERVICE_NAME: "mine",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test",
    }),
  tls: (scene: OtelScene): Promise<void> =>
    handoffs(scene, "tls", [
      ...["--otel-endpoint", `127.0.0.1:${scene.ports.tls}`, "--otel-secure"],
      ...["--tls-ca", scene.caFile],
    ], {}),
};

async function handoffs(
  scene: OtelScene,
  group: string,
  flags: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const { checks } = scene;
  await using pair = await startPair(scene, `router-${group}`, flags, env);
  await checks.run(group, "a streamed handoff is one trace, below the client's span", async () => {
    const { traceId, spanId, headers } = clientTrace();
    await asked(pair, { ...BODY, stream: true }, headers);
    const spans = await spansOf(scene, traceId, 4);
    return familyOf(spans, spanId, ["prefill", "kv_wait", "decode"]);
  });
  await checks.run(group, "engines are told of the span of their own leg", async () => {
    const { traceId, headers } = clientTrace();
    await asked(pair, BODY, headers);
    const spans = await spansOf(scene, traceId, 4);
    return [
      told(pair.prefill, only(spans, "prefill")),
      told(pair.decode, only(spans, "decode")),
    ].join("; ");
  });
  await checks.run(group, "what is told of the request and of the process", async () => {
    const { traceId, headers } = clientTrace();
    await asked(pair, BODY, { ...headers, "x-request-id": "mine" });
    const { attributes, resource, kind } = only(
      await spansOf(scene, traceId, 4),
      "POST /v1/chat/completions",
    );
    const wanted = {
      "http.response.status_code": 200,
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": MODEL,
      "gen_ai.usage.output_tokens": 8,
      "pd.route": "handoff_p1",
      "pd.prefill": new URL(pair.prefill.url).host,
      "pd.decode": new URL(pair.decode.url).host,
      "pd.protocol": "lmcache",
      "vllm.request_id": "mine",
    };
    for (const [name, value] of Object.entries(wanted)) {
      must(attributes[name] === value, `${name} is ${attributes[name]}, not ${value}`);
    }
    const service = env["OTEL_SERVICE_NAME"] ?? "vllm-router";
    must(resource["service.name"] === service, `service.name is ${resource["service.name"]}`);
    const environment = resource["deployment.environment"];
    must(environment === (group === "http" ? "test" : undefined), `environment ${environment}`);
    must(kind === 2, `kind ${kind}`);
    return `${Object.keys(attributes).length} attributes; service.name ${service}`;
  });
  await checks.run(group, "a leg that fails is a failure, and so is its request", async () => {
    const { traceId, headers } = clientTrace();
    pair.decode.faults.errorAnswer = true;
    const answer = await post(`${pair.program.url}/v1/chat/completions`, BODY, headers);
    pair.decode.faults.errorAnswer = false;
    must(answer.status >= 500, `status ${answer.status}`);
    const spans = await spansOf(scene, traceId, 4);
    const failed = spans.filter(({ status }) => status === 2);
    const names = failed.map(({ name, attributes }) => `${name} (${attributes["error.type"]})`);
    must(failed.some(({ name }) => name === "decode"), names.join());
    must(failed.some(({ kind }) => kind === 2), names.join());
    return names.join(", ");
  });
  await checks.run(group, "a client that leaves is told of", async () => {
    const { traceId, headers } = clientTrace();
    const leaving = new AbortController();
    const answer = await fetch(`${pair.program.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ ...BODY, max_tokens: 2_000, stream: true }),
      signal: leaving.signal,
    });
    await answer.body?.getReader().read();
    leaving.abort();
    const spans = await spansOf(scene, traceId, 4);
    const { attributes, events } = only(spans, "POST /v1/chat/completions");
    must(attributes["pd.outcome"] === "client_gone", String(attributes["pd.outcome"]));
    return events.join(", ");
  });
}

async function asked(
  { program }: Pair,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const { status, text } = await post(`${program.url}/v1/chat/completions`, body, headers);
  must(status === 200, `${status}: ${text}`);
}

/** All of `names` are below the request's span, and that below the client's. */
export function familyOf(
  spans: readonly SeenSpan[],
  clientSpan: string,
  names: readonly string[],
): string {
  const request = spans.find(({ kind }) => kind === 2);
  must(request !== undefined, "no span of the request");
  must(request.parentId === clientSpan, `the request is below ${request.parentId}`);
  for (const name of names) {
    const span = only(spans, name);
    must(span.parentId === request.spanId, `${name} is below ${span.parentId}`);
    must(span.startNs >= request.startNs && span.startNs <= span.endNs, `${name} is elsewhere`);
    must(span.state === "client=1", `${name} has the state ${span.state}`);
  }
  return `${request.name} > ${names.join(", ")}`;
}

/** The one span called `name`. */
export function only(spans: readonly SeenSpan[], name: string): SeenSpan {
  const [span, ...more] = spans.filter((each) => each.name === name);
  must(span !== undefined && more.length === 0, `${more.length + (span ? 1 : 0)} spans ${name}`);
  return span;
}

function told(engine: Pair["prefill"], { name, traceId, spanId }: SeenSpan): string {
  const wanted = `00-${traceId}-${spanId}-01`;
  const found = engine.stats().lastRequests.filter(({ headers }) =>
    headers["traceparent"] === wanted
  );
  must(found.length === 1, `${found.length} requests with the span of ${name}`);
  return `${name} has its own`;
}
