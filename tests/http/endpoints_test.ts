import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { engineAt, post, type RouterChanges, startRouter } from "../support/router.ts";
import { type Script, startScripted } from "../support/scripted_engine.ts";

const ECHO: Script = ({ text, headers }) =>
  new Response(text, {
    headers: { "content-type": "application/json", "x-engine": headers.get("x-from") ?? "none" },
  });

async function withRouter(
  script: Script,
  changes: RouterChanges,
  run: (url: string, engine: ReturnType<typeof startScripted>) => Promise<void>,
): Promise<void> {
  await using engine = startScripted(script);
  await using router = await startRouter([engineAt(engine.url, "any")], changes);
  await run(router.url, engine);
}

const PASSED_ON = [
  "/v1/embeddings",
  "/v1/rerank",
  "/rerank",
  "/v1/score",
  "/score",
  "/v1/responses",
  "/v1/messages",
  "/tokenize",
  "/detokenize",
  "/v1/completions",
  "/v1/chat/completions",
];

Deno.test("endpoints pass a request on byte for byte, unknown fields included", async () => {
  const body = '{ "model" : "m",\t"x_unknown":{"a":[1,2.50,"é\\u00e9"]}, "input":"hi"  }';
  await withRouter(ECHO, {}, async (url, engine) => {
    for (const path of PASSED_ON) {
      const answer = await post(`${url}${path}?a=1&b=%20`, body, { headers: { "x-from": "me" } });
      assertEquals(answer.status, 200);
      assertEquals(await answer.text(), body, path);
      assertEquals(answer.headers.get("x-engine"), "me");
      assertEquals(engine.asked.at(-1)?.path, `${path}?a=1&b=%20`);
    }
  });
});

Deno.test("endpoints answer errors in OpenAI's shape", async () => {
  const cases: readonly (readonly [
    name: string,
    request: { readonly method: string; readonly path: string; readonly body?: string },
    status: number,
    message: string,
    param: string | null,
  ])[] = [
    ["not JSON", { method: "POST", path: "/v1/completions", body: "{" }, 400, "not a JSON", null],
    ["no object", { method: "POST", path: "/v1/completions", body: "[]" }, 400, "object", null],
    ["no body", { method: "POST", path: "/v1/completions", body: "" }, 400, "empty", null],
    [
      "odd model",
      { method: "POST", path: "/v1/completions", body: '{"model":7}' },
      400,
      "received 7",
      "model",
    ],
    [
      "odd stream",
      { method: "POST", path: "/v1/completions", body: '{"model":"m","stream":"maybe"}' },
      400,
      'received "maybe"',
      "stream",
    ],
    [
      "unknown model",
      { method: "POST", path: "/v1/completions", body: '{"model":"x"}' },
      404,
      "served are: m",
      "model",
    ],
    [
      "unknown engine",
      { method: "POST", path: "/v1/completions?id=x", body: '{"model":"m"}' },
      404,
      "GET /engines",
      "id",
    ],
    ["unknown path", { method: "GET", path: "/v2/x" }, 404, "/v2/x", null],
    ["wrong method", { method: "GET", path: "/v1/completions" }, 405, "use POST", null],
    ["wrong method", { method: "DELETE", path: "/v1/models" }, 405, "use GET", null],
    ["unknown card", { method: "GET", path: "/v1/models/x%2Fy" }, 404, "x/y", "model"],
  ];
  await withRouter(ECHO, {}, async (url, engine) => {
    for (const [name, { method, path, body }, status, message, param] of cases) {
      const init = body === undefined ? { method } : { method, body };
      const answer = await fetch(`${url}${path}`, init);
      const { error } = await answer.json();
      assertEquals(answer.status, status, name);
      assertStringIncludes(error.message, message);
      assertEquals(error.param, param, name);
      assertEquals(error.code, status, name);
      assertEquals(typeof error.type, "string");
      assert(answer.headers.get("x-request-id"));
      if (status === 405) assert(answer.headers.get("allow"));
    }
    assertEquals(engine.asked.length, 0);
  });
});

Deno.test("endpoints refuse a body beyond the limit, announced or not", async () => {
  await withRouter(ECHO, { maxRequestBytes: 1000 }, async (url) => {
    const body = JSON.stringify({ model: "m", prompt: "x".repeat(2000) });
    const pieces = new ReadableStream({
      start(controller) {
        for (let at = 0; at < body.length; at += 100) {
          controller.enqueue(new TextEncoder().encode(body.slice(at, at + 100)));
        }
        controller.close();
      },
    });
    for (const sent of [body, pieces]) {
      const answer = await fetch(`${url}/v1/completions`, { method: "POST", body: sent });
      assertEquals(answer.status, 413);
      assertStringIncludes((await answer.json()).error.message, "at most 1000");
    }
  });
});

Deno.test("endpoints resolve an alias and list it", async () => {
  await withRouter(ECHO, { aliases: new Map([["small", "m"]]) }, async (url) => {
    const answer = await post(`${url}/v1/embeddings`, { model: "small", input: "a" });
    assertEquals(await answer.json(), { input: "a", model: "m" });
    const list = await (await fetch(`${url}/v1/models`)).json();
    assertEquals(list.data.map((card: { id: string }) => card.id), ["m", "small"]);
    const card = await (await fetch(`${url}/v1/models/small`)).json();
    assertEquals([card.id, card.root, card.max_model_len], ["small", "m", 4096]);
  });
});

Deno.test("endpoints describe the router", async () => {
  await withRouter(ECHO, {}, async (url) => {
    assertEquals(await (await fetch(`${url}/health`)).json(), { status: "healthy" });
    assertMatch((await (await fetch(`${url}/version`)).json()).version, /^\d+\.\d+\.\d+/);
    const [engine] = await (await fetch(`${url}/engines`)).json();
    assertEquals([engine.serving_models, engine.role], [["m"], "any"]);
    assertEquals(typeof engine.created, "number");
    const picked = await post(`${url}/v1/embeddings?id=${engine.engine_id}`, { model: "m" });
    assertEquals(await picked.json(), { model: "m" });
    const metrics = await fetch(`${url}/metrics`);
    assertMatch(metrics.headers.get("content-type") ?? "", /^text\/plain/);
    assertStringIncludes(
      await metrics.text(),
      'pd_router_requests_total{endpoint="/v1/embeddings",route="direct",outcome="ok"} 1',
    );
    const head = await fetch(`${url}/health`, { method: "HEAD" });
    assertEquals([head.status, await head.text()], [200, ""]);
  });
});

Deno.test("endpoints serve under a root path, and without it", async () => {
  await withRouter(ECHO, { rootPath: "/llm" }, async (url, engine) => {
    for (const prefix of ["/llm", ""]) {
      const answer = await post(`${url}${prefix}/v1/embeddings`, { model: "m" });
      assertEquals([answer.status, await answer.text()], [200, '{"model":"m"}']);
      assertEquals(engine.asked.at(-1)?.path, "/v1/embeddings");
    }
  });
});

Deno.test("endpoints keep headers both ways but for those of one connection", async () => {
  const script: Script = () =>
    new Response("{}", {
      headers: [
        ["content-type", "application/json"],
        ["x-custom", "kept"],
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
        ["keep-alive", "timeout=5"],
        ["x-request-id", "from the engine"],
      ],
    });
  await withRouter(script, {}, async (url, engine) => {
    const answer = await post(`${url}/v1/embeddings`, { model: "m" }, {
      headers: {
        authorization: "Bearer secret",
        "x-request-id": "abc",
        "x-session-id": "s",
        "proxy-authorization": "Basic x",
      },
    });
    await answer.text();
    const asked = engine.asked[0]?.headers;
    assertEquals(asked?.get("authorization"), "Bearer secret");
    assertMatch(asked?.get("x-request-id") ?? "", /^abc-[0-9a-f]{16}$/);
    assertEquals(asked?.get("x-session-id"), "s");
    assertEquals(asked?.get("proxy-authorization"), null);
    assertEquals(asked?.get("host"), new URL(engine.url).host);
    assertEquals(answer.headers.get("x-request-id"), "abc");
    assertEquals(answer.headers.get("x-custom"), "kept");
    assertEquals(answer.headers.getSetCookie(), ["a=1", "b=2"]);
    assertEquals(answer.headers.get("keep-alive"), null);
  });
});

Deno.test("endpoints strip KV parameters that only a router may set", async () => {
  await withRouter(ECHO, {}, async (url) => {
    const answer = await post(`${url}/v1/completions`, {
      kv_transfer_params: { do_remote_prefill: true },
      model: "m",
      prompt: "a",
    });
    assertEquals(await answer.json(), { model: "m", prompt: "a" });
  });
});

Deno.test("endpoints answer 400 to a Host that is none", async () => {
  await using router = await startRouter([]);
  for (const host of ["a b", "[::", "a:99999"]) {
    using connection = await Deno.connect({
      hostname: "127.0.0.1",
      port: router.app.address.port,
    });
    const request = `GET /health HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    const answer = await new Response(connection.readable).text();
    assertStringIncludes(answer, "HTTP/1.1 400 ");
    assertStringIncludes(answer, "Host");
  }
});
