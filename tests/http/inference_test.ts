import { startHandoff } from "../../lib/app_handoff.ts";
import { decodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { generation, passOn } from "../../lib/http/inference.ts";
import { isWhole } from "../../lib/request/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { engineOf, seriesOf } from "../support/flow_fakes.ts";
import {
  callOf,
  type HttpChanges,
  type HttpSetting,
  httpSetting,
  requestTo,
} from "../support/http_fakes.ts";
import { json } from "../support/scripted_upstream.ts";

const [A, B, P] = [engineOf("a", "any"), engineOf("b", "decode"), engineOf("p", "prefill")];
const ENGINES = [A, B, P];
const BODY = { model: "m", input: "hi" };

interface Inference extends HttpSetting {
  /** What the engine was sent for a request to `path`; `to` is its id. */
  sentFor(path: string, body?: unknown, init?: RequestInit): Promise<Sent>;
  /** The error that a request to `path` comes to. */
  errorOf(path: string, body?: unknown): Promise<RouterError>;
}

interface Sent {
  readonly to: string;
  readonly path: string;
  readonly body: unknown;
}

function inference(changes: HttpChanges = {}): Inference {
  const setting = httpSetting({ engines: ENGINES, ...changes });
  const { deps, upstream } = setting;
  const ask = async (path: string, body: unknown = BODY, init?: RequestInit): Promise<string> => {
    const answer = await passOn(deps, callOf(deps, requestTo(path, body, init)));
    return isWhole(answer.body) ? decodeUtf8(answer.body) : "";
  };
  return {
    ...setting,
    async sentFor(path, body, init) {
      assertEquals(await ask(path, body, init), "{}");
      const { to = "", path: sent = "", text = "" } = upstream.sent.at(-1) ?? {};
      return { to, path: sent, body: JSON.parse(text) };
    },
    async errorOf(path, body) {
      const error = await assertRejects(() => ask(path, body), RouterError);
      assertEquals(upstream.sent, []);
      return error;
    },
  };
}

Deno.test("passOn() sends to the engine that ?id= names, without the name", async () => {
  await using setting = inference();
  const cases = [
    ["?id=b", ""],
    ["?id=b&a=1&c=%20x", "?a=1&c=+x"],
    ["?a=1&id=b&a=2", "?a=1&a=2"],
    ["?id=b&id=zzz", ""],
    ["?%69d=b", ""],
  ] as const;
  for (const [query, sent] of cases) {
    for (let turn = 0; turn < 3; turn++) {
      const { to, path } = await setting.sentFor(`/v1/embeddings${query}`);
      assertEquals([to, path], ["b", `/v1/embeddings${sent}`], query);
    }
  }
  assertEquals(setting.fleet.directAsks, []);
});

Deno.test("passOn() passes a query without an id on as it is", async () => {
  await using setting = inference();
  for (const query of ["", "?a=%20b&c=+", "?ID=b", "?x=id=1&y", "?"]) {
    const { path } = await setting.sentFor(`/v1/embeddings${query}`);
    assertEquals(path, `/v1/embeddings${query === "?" ? "" : query}`);
  }
});

Deno.test("passOn() says what is wrong with a picked engine", async () => {
  const others = { ...engineOf("o", "any"), models: ["other"] };
  await using setting = inference({ engines: [...ENGINES, others] });
  const cases = [
    ["x", "unknown-engine", "id", "No engine has the id 'x'; GET /engines lists them"],
    ["", "unknown-engine", "id", "No engine has the id ''; GET /engines lists them"],
    ["o", "unknown-model", "model", "Engine 'o' does not serve model 'm'"],
    [
      "p",
      "bad-request",
      "id",
      "Engine 'p' only prefills for decode engines; choose one of another role",
    ],
  ] as const;
  for (const [id, code, param, message] of cases) {
    const error = await setting.errorOf(`/v1/embeddings?id=${id}`);
    assertEquals([error.code, error.param, error.message], [code, param, message]);
  }
});

Deno.test("passOn() lets a prefill engine do what touches no KV", async () => {
  await using setting = inference();
  for (const path of ["/tokenize", "/detokenize"]) {
    assertEquals((await setting.sentFor(`${path}?id=p`)).to, "p");
  }
});

Deno.test("passOn() resolves an alias, for the engine and for ?id=", async () => {
  const aliases = new Map([["small", "m"]]);
  await using setting = inference({ config: { aliases } });
  for (const query of ["", "?id=b"]) {
    const { body } = await setting.sentFor(`/v1/embeddings${query}`, { ...BODY, model: "small" });
    assertEquals(body, BODY);
  }
});

Deno.test("passOn() says why no engine serves a model", async () => {
  const silent = { ...engineOf("s", "any"), models: [] };
  const other = { ...engineOf("o", "any"), models: ["z", "y"] };
  const cases = [
    [[A, other], [], "unknown-model", "The model 'x' does not exist; served are: m, y, z"],
    [[], [], "unknown-model", "The model 'x' does not exist; served are: none"],
    [[A, silent], [], "no-engine", `No engine serves model 'x'; not heard from yet: ${silent.url}`],
    // It was there once, so it may come back.
    [[A], ["target"], "no-engine", "No engine serves model 'x' at the moment"],
    [[silent], ["target"], "no-engine", "No engine serves model 'x' at the moment"],
  ] as const;
  for (const [engines, seen, code, message] of cases) {
    await using setting = inference({ engines, config: { aliases: new Map([["x", "target"]]) } });
    for (const model of seen) setting.fleet.seen.add(model);
    const error = await setting.errorOf("/v1/embeddings", { model: "x" });
    assertEquals([error.code, error.param, error.message], [code, "model", message]);
  }
});

Deno.test("passOn() finds the session in the header, else in the body", async () => {
  const routing = { kind: "session", sessionKey: "user" } as const;
  await using setting = inference({ config: { routing } });
  const cases:
    readonly (readonly [headers: HeadersInit, user: unknown, key: string | undefined])[] = [
      [{ user: "h" }, "b", "h"],
      [{}, "b", "b"],
      [{}, 17, "17"],
      [{}, 0, "0"],
      [{}, null, undefined],
      [{}, true, undefined],
      [{}, ["b"], undefined],
      [{}, undefined, undefined],
    ];
  for (const [headers, user, key] of cases) {
    await setting.sentFor("/v1/embeddings", { ...BODY, user }, { headers });
    assertEquals(setting.fleet.directAsks.at(-1)?.session, key, JSON.stringify(user));
  }
  await using plain = inference();
  await plain.sentFor("/v1/embeddings", { ...BODY, user: "b" }, { headers: { user: "h" } });
  assertEquals(plain.fleet.directAsks.at(-1)?.session, undefined);
});

const KV = { kv_transfer_params: { do_remote_prefill: true } };

Deno.test("passOn() takes a client's KV fields out and counts them, unless it trusts them", async () => {
  for (const trustClientKvParams of [false, true]) {
    await using setting = inference({ config: { trustClientKvParams } });
    await setting.sentFor("/v1/embeddings");
    const { body } = await setting.sentFor("/v1/embeddings", { ...KV, ...BODY });
    assertEquals(body, trustClientKvParams ? { ...KV, ...BODY } : BODY);
    await setting.sentFor("/v1/embeddings", { ...BODY, vllm_xargs: { disagg_spec: 1 } });
    assertEquals(
      await seriesOf(setting.metrics, "pd_router_client_kv_params_total"),
      trustClientKvParams ? {} : { "endpoint=/v1/embeddings": 2 },
    );
  }
});

Deno.test("passOn() reads no more of a body than is accepted", async () => {
  await using setting = inference({ config: { maxRequestBytes: 40 } });
  await setting.sentFor("/v1/embeddings", BODY);
  const { deps } = setting;
  const large = requestTo("/v1/embeddings", { ...BODY, input: "x".repeat(40) });
  const error = await assertRejects(() => passOn(deps, callOf(deps, large)), RouterError);
  assertEquals(error.code, "body-too-large");
});

Deno.test("generation() is served by one engine where no handoffs are configured", async () => {
  await using setting = inference();
  const request = requestTo("/v1/completions?id=b&a=1", { model: "m", prompt: "hi", n: 2 });
  await generation(setting.deps, callOf(setting.deps, request), "completions");
  assertEquals(setting.upstream.sent.map(({ to, path }) => [to, path]), [
    ["b", "/v1/completions?a=1"],
  ]);
  // A way that is not decided has no reason.
  assertEquals(await seriesOf(setting.metrics, "pd_router_direct_total"), {});
});

Deno.test("generation() hands off with the client's query and session, unless an engine is picked", async () => {
  const prefilled = { choices: [{ index: 0, text: "a", finish_reason: "length" }] };
  await using setting = httpSetting({
    engines: [engineOf("p", "prefill", "nixl"), engineOf("d", "decode", "nixl")],
    script: ({ to }) => json(to === "p" ? prefilled : {}),
    config: { routing: { kind: "session", sessionKey: "user" } },
  });
  const { flow, fleet, upstream } = setting;
  const tokenize = { how: "engine", cacheBytes: 0 } as const;
  await using running = await startHandoff({ kind: "nixl" }, flow, {
    tokenize,
    doors: setting.deps.config.doors,
  });
  const handoff = {
    ...running.deps,
    trustClientKvParams: false,
    lmcacheTagDirect: false,
    failurePolicy: "error" as const,
    fallbackShare: 1,
    continueStreams: false,
  };
  const deps = { ...setting.deps, handoff };
  const legsOf = async (path: string): Promise<readonly unknown[]> => {
    const before = upstream.sent.length;
    const request = requestTo(path, { model: "m", prompt: "hi", user: "u" });
    const answer = await generation(deps, callOf(deps, request), "completions");
    assertEquals(answer.status, 200);
    if (!isWhole(answer.body)) { while (await answer.body.read() !== undefined); }
    return upstream.sent.slice(before).map(({ to, path }) => [to, path]);
  };
  assertEquals(await legsOf("/v1/completions?a=1"), [
    ["p", "/v1/completions?a=1"],
    ["d", "/v1/completions?a=1"],
  ]);
  assertEquals(fleet.pairAsks.map(({ session }) => session), ["u"]);
  assertEquals(await legsOf("/v1/completions?id=d&a=1"), [["d", "/v1/completions?a=1"]]);
  assertEquals(fleet.pairAsks.length, 1);
});

Deno.test("passOn() counts requests by model, and names that nobody serves as one", async () => {
  await using setting = inference({ config: { aliases: new Map([["other", "m"]]) } });
  await setting.sentFor("/v1/embeddings");
  await setting.sentFor("/v1/embeddings", { ...BODY, model: "other" });
  for (const model of ["x", "y"]) {
    const { deps } = setting;
    const asked = callOf(deps, requestTo("/v1/embeddings", { ...BODY, model }));
    assertEquals(
      (await assertRejects(() => passOn(deps, asked), RouterError)).code,
      "unknown-model",
    );
  }
  assertEquals(await seriesOf(setting.metrics, "vllm:num_incoming_requests_total"), {
    "model=m": 2,
    "model=unknown": 2,
  });
});
