import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { rawConnection, rawRequest, statusOf } from "../support/raw_request.ts";
import { engineAt, startRouter, type TestRouter } from "../support/router.ts";
import { startScripted } from "../support/scripted_engine.ts";

function ask(router: TestRouter, target: string, host = "x"): Promise<string> {
  return rawRequest(
    router.app.address.port,
    `GET ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`,
  );
}

/** What of the metrics tells that they were answered. */
const METRICS = "# TYPE pd_router_requests_total";

Deno.test("the target alone chooses the endpoint, whatever form it has", async () => {
  await using router = await startRouter([], { rootPath: "/llm" });
  const healthy = [
    "/health",
    "/health/",
    "//health",
    "/%68ealth",
    "/llm/health",
    "/health?/metrics",
  ];
  for (const target of [...healthy, "http://y/health", "http://y:1/llm/health?a=b"]) {
    const answer = await ask(router, target);
    assertEquals(statusOf(answer), 200, target);
    assertStringIncludes(answer, '{"status":"healthy"}');
  }
  for (const host of ["x", "x:80", "[::1]:8001", "", "metrics", "x.y-z_1"]) {
    assertStringIncludes(await ask(router, "/health", host), '{"status":"healthy"}');
  }
});

Deno.test("a Host field never chooses the endpoint: what is more than a host is refused", async () => {
  await using router = await startRouter([]);
  const hosts = ["x/metrics?", "x/metrics#", "x/metrics?a=", "x\\metrics", "x/../metrics", "u@x"];
  for (const host of hosts) {
    for (const target of ["/health", "/", "/v1/models"]) {
      const answer = await ask(router, target, host);
      assertEquals([statusOf(answer), answer.includes(METRICS)], [400, false], `${host} ${target}`);
    }
  }
});

Deno.test("odd targets are refused, and are one endpoint to the metrics", async () => {
  await using router = await startRouter([]);
  const targets = [
    "/%2e%2e/metrics",
    "/v1/../metrics",
    "/..%2fmetrics",
    "/%2Fmetrics",
    "/v1%5C..%5Cmetrics",
    "/health\\..\\metrics",
    "/health#/metrics",
    "/metrics%00",
    "/m\u00e9trics",
    "/%ff",
    `/${"a".repeat(20_000)}`,
  ];
  for (const target of targets) {
    const answer = await ask(router, target);
    assertEquals([statusOf(answer), answer.includes(METRICS)], [400, false], target);
    assertStringIncludes(answer, '"code":400');
  }
  for (const target of ["/metrics;a", "/v1//models", "/x".repeat(100), "/docs", "/v2/%0Ax"]) {
    assertEquals(statusOf(await ask(router, target)), target.endsWith("%0Ax") ? 400 : 404);
  }
  const figures = await ask(router, "/metrics");
  const endpoints = [...figures.matchAll(/^pd_router_requests_total\{endpoint="([^"]*)"/gm)]
    .map(([, endpoint]) => endpoint);
  assertEquals([...new Set(endpoints)], ["unknown"]);
});

Deno.test("a malformed chunked body is answered 400, wherever it breaks", async () => {
  await using engine = startScripted(({ text }) => new Response(text));
  await using router = await startRouter([engineAt(engine.url, "any")]);
  const head = "POST /v1/embeddings HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" +
    "expect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n";
  const bodies = [
    "zz\r\nabc\r\n0\r\n\r\n",
    "-1\r\nabc\r\n0\r\n\r\n",
    '5\r\n{"mod0\r\n\r\nel',
    "ffffffffffffffffff\r\nabc",
    '5\r\n{"mod\r\nzz\r\n',
    "0\r\nx\r\n\r\n",
  ];
  for (const body of bodies) {
    using connection = await rawConnection(router.app.address.port);
    // Once the body is wanted: what comes with the head, the platform's server closes on.
    await connection.send(head);
    await connection.until("100 Continue\r\n\r\n");
    await connection.send(body);
    const [, answer = ""] = (await connection.rest()).split("100 Continue\r\n\r\n");
    assertEquals(statusOf(answer), 400, JSON.stringify(body));
    assertStringIncludes(answer, "chunked coding is malformed");
  }
  assertEquals(engine.asked, []);
  const figures = await (await fetch(`${router.url}/metrics`)).text();
  assertStringIncludes(
    figures,
    `{endpoint="/v1/embeddings",route="none",outcome="client_error"} ${bodies.length}`,
  );
});

Deno.test("a body over the limit is refused before any of it has come", async () => {
  await using engine = startScripted(({ text }) => new Response(text));
  await using router = await startRouter([engineAt(engine.url, "any")], { maxRequestBytes: 100 });
  using connection = await rawConnection(router.app.address.port);
  await connection.send(
    "POST /v1/embeddings HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 101\r\n\r\n",
  );
  assertStringIncludes(await connection.until("at most 100"), "HTTP/1.1 413 ");
  assertEquals(engine.asked, []);
});
