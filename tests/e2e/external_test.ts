import type { ExternalProvider } from "../../lib/config/mod.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { makeAuthority } from "../support/authority.ts";
import { startSim } from "../support/cluster.ts";
import { engineAt, post, startRouter, type TestRouter } from "../support/router.ts";

/** One request as the provider got it. */
interface Got {
  readonly path: string;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A provider by TLS, and a router beside it. */
interface Setting extends AsyncDisposable {
  readonly got: Got[];
  readonly url: string;
  readonly router: TestRouter;
}

/** What it answers to the model of that name. */
type Answers = Readonly<Record<string, (got: Got) => Response>>;

const COOKIE = { "set-cookie": "a=b", "x-kept": "1" };

async function start(
  answers: Answers,
  changes: Partial<ExternalProvider> = {},
  health = {},
): Promise<Setting> {
  await using stack = new AsyncDisposableStack();
  const authority = stack.use(await makeAuthority());
  const { cert, key } = await authority.issue();
  const got: Got[] = [];
  const options = { hostname: "127.0.0.1", port: 0, cert, key, onListen: () => {} };
  const server = Deno.serve(options, async (request) => {
    const { pathname, search } = new URL(request.url);
    const one = { path: pathname + search, headers: request.headers, body: await request.json() };
    got.push(one);
    return answers[String(one.body["model"])]?.(one) ?? new Response(null, { status: 404 });
  });
  stack.defer(() => server.shutdown());
  const tlsCaFile = await Deno.makeTempFile();
  stack.defer(() => Deno.remove(tlsCaFile));
  await Deno.writeTextFile(tlsCaFile, authority.ca);
  const engine = stack.use(await startSim({ role: "any" }));
  const provider = {
    name: "acme",
    url: `https://127.0.0.1:${server.addr.port}/openai`,
    headers: [["authorization", "Bearer hush"]] as const,
    models: new Map(Object.keys(answers).flatMap((id) => [[id, id], [`alias-${id}`, id]])),
    retries: 1,
    ...changes,
  };
  const router = stack.use(
    await startRouter([engineAt(engine.url, "any")], {
      external: [provider],
      tlsCaFile,
      health,
      answers: { exposeEngines: false, allowedOrigins: [], rankLeg: "decode" },
    }),
  );
  const parts = stack.move();
  return { got, url: router.url, router, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

const CLIENT = {
  "authorization": "Bearer client",
  "x-api-key": "client",
  "cookie": "c=d",
  "x-request-id": "r1",
  "openai-beta": "b=1",
};

Deno.test("a provider gets the request by TLS with the router's key and nothing of the client's", async () => {
  await using setting = await start({
    gpt: () => Response.json({ id: "x" }, { headers: COOKIE }),
  });
  const body = { model: "alias-gpt", messages: [], kv_transfer_params: { a: 1 }, user: "u" };
  const url = `${setting.url}/v1/chat/completions?api-version=1`;
  const answer = await post(url, body, { headers: CLIENT });
  assertEquals([answer.status, await answer.json()], [200, { id: "x" }]);
  assertEquals([answer.headers.get("set-cookie"), answer.headers.get("x-kept")], [null, "1"]);
  const [got] = setting.got;
  assertEquals(got?.path, "/openai/v1/chat/completions?api-version=1");
  assertEquals(got?.body, { messages: [], user: "u", model: "gpt" });
  const { headers } = got ?? { headers: new Headers() };
  const seen = ["authorization", "x-api-key", "cookie", "openai-beta", "content-type"];
  assertEquals(seen.map((name) => headers.get(name)), [
    "Bearer hush",
    null,
    null,
    "b=1",
    "application/json",
  ]);
  assertEquals([...headers.keys()].filter((name) => name.includes("forward")), []);
});

Deno.test("a provider's models stand beside those of engines, which get nothing of its requests", async () => {
  await using setting = await start({ gpt: () => Response.json({}) });
  const listed = await (await fetch(`${setting.url}/v1/models`)).json();
  const owners = listed.data.map(({ id, owned_by: by }: Record<string, string>) => [id, by]);
  assertEquals(owners, [["sim-model", "vllm"], ["gpt", "acme"], ["alias-gpt", "acme"]]);
  const engines = await (await fetch(`${setting.url}/engines`)).json();
  assertEquals(engines.length, 1);
  const body = { model: "sim-model", prompt: "p", max_tokens: 2 };
  const answer = await post(`${setting.url}/v1/completions`, body);
  assertEquals([answer.status, setting.got.length], [200, 0]);
  await answer.body?.cancel();
});

Deno.test("a provider's stream passes event by event, and is left when the client leaves", async () => {
  const left = Promise.withResolvers<void>();
  let feed: ReadableStreamDefaultController<Uint8Array> | undefined;
  await using setting = await start({
    gpt: () => {
      const source = new ReadableStream<Uint8Array>({
        start: (controller) => void (feed = controller),
        cancel: () => left.resolve(),
      });
      return new Response(source, { headers: { "content-type": "text/event-stream" } });
    },
  });
  const leaving = new AbortController();
  const body = { model: "gpt", stream: true };
  const { signal } = leaving;
  const answer = await post(`${setting.url}/v1/chat/completions`, body, { signal });
  assertEquals(answer.headers.get("content-type"), "text/event-stream");
  const reader = answer.body?.getReader();
  for (const text of ["data: 1\n\n", "data: 2\n\n"]) {
    feed?.enqueue(new TextEncoder().encode(text));
    const { value } = await reader?.read() ?? {};
    assertEquals(new TextDecoder().decode(value), text);
  }
  leaving.abort();
  await reader?.read().catch(() => {});
  await left.promise;
});

Deno.test("a provider's errors pass, but that it refuses the router's key is told as the router's", async () => {
  await using setting = await start({
    slow: () => Response.json({ error: { message: "Too many" } }, { status: 429 }),
    shut: () => Response.json({ error: { message: "bad key hush" } }, { status: 401 }),
  });
  const ask = (model: string): Promise<Response> =>
    post(`${setting.url}/v1/chat/completions`, { model });
  const slow = await ask("slow");
  assertEquals([slow.status, await slow.json()], [429, { error: { message: "Too many" } }]);
  const shut = await ask("shut");
  const { error } = await shut.json();
  assertEquals([shut.status, error.message], [502, "The provider 'acme' refuses the router's key"]);
});

Deno.test("a provider that is not there is told by name, and gone around after failures", async () => {
  await using setting = await start({ gpt: () => Response.json({}) }, {
    url: "https://127.0.0.1:1",
    retries: 0,
  }, { engineFailures: 2, pauseMs: 60_000 });
  const statuses: number[] = [];
  const messages: string[] = [];
  for (let turn = 0; turn < 3; turn++) {
    const answer = await post(`${setting.url}/v1/chat/completions`, { model: "gpt" });
    statuses.push(answer.status);
    messages.push((await answer.json()).error.message);
  }
  assertEquals(statuses, [502, 502, 503]);
  assertEquals(messages, [
    "The provider 'acme' gave no whole answer",
    "The provider 'acme' gave no whole answer",
    "The provider 'acme' fails, and is asked again soon",
  ]);
  const metrics = await (await fetch(`${setting.url}/metrics`)).text();
  assertMatch(metrics, /pd_router_external_requests_total\{provider="acme",outcome="error"\} 2/);
});

Deno.test("a router without engines is ready for a provider's models", async () => {
  await using router = await startRouter([], {
    external: [{
      name: "acme",
      url: "https://127.0.0.1:1",
      headers: [],
      models: new Map([["gpt", "gpt"]]),
      retries: 0,
    }],
  });
  const ready = await fetch(`${router.url}/ready`);
  assertEquals([ready.status, await ready.json()], [200, { status: "ready" }]);
});

Deno.test("a router that stops ends what a provider still answers", async () => {
  const setting = await start({
    gpt: () => {
      const source = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new TextEncoder().encode("data: 1\n\n")),
      });
      return new Response(source, { headers: { "content-type": "text/event-stream" } });
    },
  });
  const answer = await post(`${setting.url}/v1/chat/completions`, { model: "gpt", stream: true });
  const text = answer.text().catch(String);
  await setting.router[Symbol.asyncDispose]();
  assertMatch(await text, /data: 1/);
  await setting[Symbol.asyncDispose]();
});
