import { decodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { type Callbacks, Hooks, type LoadedHooks } from "../../lib/hooks/mod.ts";
import type { HttpDeps } from "../../lib/http/mod.ts";
import { Background } from "../../lib/request/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import {
  type HttpChanges,
  type HttpSetting,
  httpSetting,
  requestTo,
  responding,
} from "../support/http_fakes.ts";
import { json } from "../support/scripted_upstream.ts";

const ENGINE = { id: "e", url: "http://e:1", role: "any", models: ["m", "n"], kv: "none" } as const;

/** A router before one engine with these hooks; what the engine was sent. */
function setting(loaded: LoadedHooks, changes: HttpChanges = {}): HttpSetting & {
  readonly answer: (request: Request) => Promise<Response>;
} {
  const base = httpSetting({ engines: [ENGINE], script: () => json({ ok: 1 }), ...changes });
  const { clock, log, metrics } = base.deps;
  const background = new Background(log);
  const hooks = new Hooks(loaded, { clock, log, metrics, background, timeoutMs: 100 });
  const deps: HttpDeps = { ...base.deps, hooks };
  return { ...base, deps, answer: responding(deps) };
}

const BODY = { model: "m", prompt: "p" };

Deno.test("preRequest ends a request with its own answer, refusals of keys included", async () => {
  const callbacks: Callbacks = {
    preRequest: ({ headers }) =>
      headers.get("x-ok") === null
        ? Response.json({ no: 1 }, { status: 401, headers: { "x-a": "b", "connection": "x" } })
        : undefined,
  };
  const { answer, upstream } = setting({ callbacks });
  const refused = await answer(requestTo("/v1/completions", BODY));
  assertEquals([refused.status, await refused.json()], [401, { no: 1 }]);
  assertEquals([refused.headers.get("x-a"), refused.headers.get("connection")], ["b", null]);
  assertEquals(upstream.sent.length, 0);
  const let_ = await answer(requestTo("/v1/completions", BODY, { headers: { "x-ok": "1" } }));
  assertEquals([let_.status, await let_.json(), upstream.sent.length], [200, { ok: 1 }, 1]);
});

Deno.test("preRequest sees what the client sent, in every endpoint with a JSON body", async () => {
  const seen: unknown[] = [];
  const callbacks: Callbacks = {
    preRequest: ({ method, path, query, model, body, json: parsed }) =>
      void seen.push([method, path, query, model, decodeUtf8(body).length, parsed()]),
  };
  const { answer } = setting({ callbacks });
  for (const path of ["/v1/completions?a=b", "/v1/embeddings", "/tokenize"]) {
    await (await answer(requestTo(path, BODY))).body?.cancel();
  }
  for (const path of ["/v1/models", "/health"]) await (await answer(requestTo(path))).text();
  const { length } = JSON.stringify(BODY);
  assertEquals(seen, [
    ["POST", "/v1/completions", "?a=b", "m", length, BODY],
    ["POST", "/v1/embeddings", "", "m", length, BODY],
    ["POST", "/tokenize", "", "m", length, BODY],
  ]);
});

Deno.test("a rewriter gives the body that is routed and sent", async () => {
  const rewriter = (body: string, model: string, endpoint: string): string | undefined =>
    model === "x" ? body.replace('"x"', `"n"`).replace("p", endpoint) : undefined;
  const { answer, upstream } = setting({ rewriter });
  for (const model of ["x", "m"]) {
    assertEquals((await answer(requestTo("/v1/completions", { ...BODY, model }))).status, 200);
  }
  assertEquals(upstream.sent.map(({ text }) => JSON.parse(text)), [
    { model: "n", "/v1/completionsrompt": "p" },
    { model: "m", prompt: "p" },
  ]);
});

Deno.test("hooks that fail, are late or give nonsense are told as 500 and 504", async () => {
  const never = (): Promise<never> => new Promise(() => {});
  const throws = (): never => {
    throw new Error("hush");
  };
  const rows: readonly (readonly [LoadedHooks, number, string])[] = [
    [{ callbacks: { preRequest: throws } }, 500, "The callback preRequest failed"],
    [{ callbacks: { preRequest: () => 7 as never } }, 500, "The callback preRequest failed"],
    [{ rewriter: () => Promise.reject(new Error("hush")) }, 500, "The request rewriter failed"],
    [{ rewriter: () => 7 as never }, 500, "The request rewriter failed"],
    [{ rewriter: () => "[1]" }, 500, "The request rewriter gave a body that is no JSON object"],
    [{ callbacks: { preRequest: never } }, 504, "took more than 0.1 s (--callback-timeout)"],
    [{ rewriter: never }, 504, "took more than 0.1 s (--callback-timeout)"],
  ];
  for (const [loaded, status, message] of rows) {
    const { answer, clock, upstream } = setting(loaded);
    const answering = answer(requestTo("/v1/completions", BODY));
    if (status === 504) {
      await eventually(() => clock.dueIn(100));
      await clock.advance(100);
    }
    const answered = await answering;
    const { error } = await answered.json();
    assertEquals([answered.status, upstream.sent.length], [status, 0]);
    assertStringIncludes(error.message, message);
    assert(!error.message.includes("hush"));
  }
});

Deno.test("postRequest is told of the whole answer behind it, and its failure is nobody's", async () => {
  const told: unknown[] = [];
  const callbacks: Callbacks = {
    postRequest: ({ id, model }, { status, headers, content, complete }) => {
      told.push([id, model, status, headers.get("content-type"), decodeUtf8(content), complete]);
      throw new Error("no");
    },
  };
  const { answer, clock } = setting({ callbacks });
  const init = { headers: { "x-request-id": "r1" } };
  const answered = await answer(requestTo("/v1/completions", BODY, init));
  assertEquals(await answered.text(), '{"ok":1}');
  await eventually(() => clock.dueIn(0));
  await clock.advance(0);
  assertEquals(told, [["r1", "m", 200, "application/json", '{"ok":1}', true]]);
});

Deno.test("what is no JSON object passes by the hooks, and its endpoint says what is wrong", async () => {
  const callbacks: Callbacks = { preRequest: () => new Response("called") };
  const { answer } = setting({ callbacks });
  for (const body of ["[1]", "{", ""]) {
    const answered = await answer(requestTo("/v1/completions", body));
    assertEquals([answered.status, (await answered.json()).error.type], [400, "BadRequestError"]);
  }
});

Deno.test("models of providers are answered by them, under aliases too, and listed", async () => {
  const asked: unknown[] = [];
  const external: HttpDeps["external"] = {
    serves: (model) => model === "gpt",
    cards: [{ id: "gpt", owned_by: "openai" }],
    send: (_context, { path, model, stream }) => {
      asked.push([path, model, stream]);
      if (stream) throw new RouterError("no-engine", "The provider 'openai' fails");
      return Promise.resolve({ status: 200, headers: [], body: new Uint8Array([123, 125]) });
    },
  };
  const base = httpSetting({ engines: [ENGINE], config: { aliases: new Map([["a", "gpt"]]) } });
  const answer = responding({ ...base.deps, external });
  for (const body of [{ model: "gpt" }, { model: "a", stream: false }]) {
    const answered = await answer(requestTo("/v1/chat/completions?x=1", body));
    assertEquals([answered.status, await answered.json()], [200, {}]);
  }
  const failed = await answer(requestTo("/v1/completions", { model: "gpt", stream: true }));
  assertEquals([failed.status, (await failed.json()).error.code], [503, 503]);
  assertEquals((await answer(requestTo("/v1/completions", BODY))).status, 200);
  assertEquals(asked, [
    ["/v1/chat/completions?x=1", "gpt", false],
    ["/v1/chat/completions?x=1", "gpt", false],
    ["/v1/completions", "gpt", true],
  ]);
  assertEquals(base.upstream.sent.length, 1);
  const { data } = await (await answer(requestTo("/v1/models"))).json();
  const ids = data.map(({ id }: { readonly id: string }) => id);
  assert(ids.includes("gpt") && ids.includes("a"), ids.join());
});
