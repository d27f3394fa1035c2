import manifest from "../../deno.json" with { type: "json" };
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { MODEL, startCluster, total } from "../support/cluster.ts";
import { engineAt, post, startRouter } from "../support/router.ts";
import { startScripted } from "../support/scripted_engine.ts";

Deno.test("GET / says what this is, in a line; /docs is not there", async () => {
  await using router = await startRouter([]);
  const answer = await fetch(router.url);
  const text = await answer.text();
  assertEquals(answer.headers.get("content-type"), "application/json");
  assertEquals(text.indexOf("\n"), text.length - 1);
  const { name, version, docs } = JSON.parse(text);
  assertEquals([name, version], ["pd-router", manifest.version]);
  assertStringIncludes(docs, "/v1");
  for (const path of ["/docs", "/redoc", "/openapi.json"]) {
    const missing = await fetch(router.url + path);
    await missing.body?.cancel();
    assertEquals(missing.status, 404, path);
  }
});

Deno.test("/healthcheck and /ping answer as /health does", async () => {
  await using router = await startRouter([]);
  const health = await (await fetch(`${router.url}/health`)).text();
  const asks = [
    ["GET", "/healthcheck"],
    ["GET", "/ping"],
    ["POST", "/ping"],
    ["GET", "/ping/"],
  ] as const;
  for (const [method, path] of asks) {
    const answer = await fetch(router.url + path, { method });
    assertEquals([answer.status, await answer.text()], [200, health], `${method} ${path}`);
  }
  for (const path of ["/healthcheck", "/ping"]) {
    const head = await fetch(router.url + path, { method: "HEAD" });
    assertEquals([head.status, await head.text()], [200, ""]);
  }
  const refused = await fetch(`${router.url}/ping`, { method: "DELETE" });
  await refused.body?.cancel();
  assertEquals([refused.status, refused.headers.get("allow")], [405, "GET, HEAD, POST"]);
  const other = await fetch(`${router.url}/healthcheck`, { method: "POST" });
  await other.body?.cancel();
  assertEquals([other.status, other.headers.get("allow")], [405, "GET, HEAD"]);
});

Deno.test("/invocations is routed by its body", async () => {
  await using engine = startScripted(({ path, text }) => {
    const streamed = path.startsWith("/v1/completions");
    const type = streamed ? "text/event-stream" : "application/json";
    return new Response(text, { headers: { "content-type": type } });
  });
  await using router = await startRouter([engineAt(engine.url, "any")]);
  const rows = [
    [{ messages: [] }, "/v1/chat/completions"],
    [{ prompt: "a", stream: true }, "/v1/completions"],
    [{ input: "a" }, "/v1/embeddings"],
    [{ input: "a", stream: true }, "/v1/embeddings"],
    [{ query: "a", documents: ["b"] }, "/rerank"],
    [{ text_1: "a", text_2: "b" }, "/score"],
    [{ data: 1 }, "/pooling"],
  ] as const;
  for (const [fields, path] of rows) {
    const body = JSON.stringify({ model: "m", ...fields });
    const answer = await post(`${router.url}/invocations?a=b`, body);
    assertEquals([answer.status, await answer.text()], [200, body]);
    assertEquals(engine.asked.at(-1)?.path, `${path}?a=b`);
  }
  const refused = await post(`${router.url}/invocations`, { model: "m" });
  assertEquals(refused.status, 400);
  assertStringIncludes((await refused.json()).error.message, "Cannot find suitable handler");
  const figures = await (await fetch(`${router.url}/metrics`)).text();
  assertStringIncludes(
    figures,
    'pd_router_requests_total{endpoint="/invocations",route="direct",outcome="ok"} 7',
  );
});

Deno.test("embeddings in bytes are answers where they were asked for, and nowhere else", async () => {
  await using engine = startScripted(() =>
    new Response(new Uint8Array([1, 2]), {
      headers: { "content-type": "application/octet-stream" },
    })
  );
  await using router = await startRouter([engineAt(engine.url, "any")]);
  for (const [format, status] of [["bytes", 200], ["bytes_only", 200], ["float", 502]] as const) {
    const body = { model: "m", input: "a", encoding_format: format };
    const answer = await post(`${router.url}/v1/embeddings`, body);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    assertEquals([answer.status, bytes.length === 2], [status, status === 200], format);
  }
});

/** What the first choice of an answer, of either form, says. */
// deno-lint-ignore no-explicit-any
function saidBy({ choices: [choice] }: any): string {
  return choice.text ?? choice.message.content;
}

Deno.test("/invocations hands off as the endpoints do that it stands for", async () => {
  await using cluster = await startCluster();
  const ask = { model: MODEL, max_tokens: 6, temperature: 0 };
  const forms = [
    ["/v1/completions", { ...ask, prompt: "Tell me about the river." }],
    ["/v1/chat/completions", { ...ask, messages: [{ role: "user", content: "Tell me." }] }],
  ] as const;
  for (const [path, body] of forms) {
    const right = await (await post(cluster.single.url + path, body)).json();
    const answer = await (await post(`${cluster.url}/invocations`, body)).json();
    assertEquals([answer.object, saidBy(answer)], [right.object, saidBy(right)]);
    const streamed = await post(`${cluster.url}/invocations`, { ...body, stream: true });
    assert((await streamed.text()).endsWith("data: [DONE]\n\n"));
  }
  assertEquals(total(cluster.prefills, "prefills"), 4);
  assertEquals(total(cluster.decodes, "externalHits"), 4);
  await cluster.quiet();
});
