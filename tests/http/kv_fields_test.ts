import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { engineAt, post, type RouterChanges, startRouter } from "../support/router.ts";
import { type ScriptedEngine, startScripted } from "../support/scripted_engine.ts";
import {
  data,
  event,
  type ScriptedPair,
  sse,
  usageEvent,
  withPair,
} from "../support/scripted_pair.ts";

/** What a client may send; none of it is the router's own. */
const FIELDS: Readonly<Record<string, unknown>> = {
  kv_transfer_params: { do_remote_prefill: true, remote_engine_id: "client" },
  disagg_spec: { req_id: "client" },
  ec_transfer_params: { peer: "client" },
};

const PASSED_ON = [
  "/v1/embeddings",
  "/v1/rerank",
  "/rerank",
  "/v1/score",
  "/score",
  "/tokenize",
  "/detokenize",
] as const;

/** Endpoints that generate, and a request that each takes. */
const GENERATING: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "/v1/completions": { model: "m", prompt: "hi", max_tokens: 3 },
  "/v1/chat/completions": {
    model: "m",
    messages: [{ role: "user", content: "hi" }],
    max_tokens: 3,
  },
  "/v1/responses": { model: "m", input: "hi", max_output_tokens: 3 },
  "/v1/messages": { model: "m", messages: [{ role: "user", content: "hi" }], max_tokens: 3 },
};

/** Requests to every inference endpoint, without the fields. */
const REQUESTS: readonly (readonly [path: string, body: Readonly<Record<string, unknown>>])[] = [
  ...Object.entries(GENERATING),
  ...PASSED_ON.map((path) => [path, { model: "m", input: "hi" }] as const),
];

/** One engine behind a router that hands nothing off. */
async function withOne(
  changes: RouterChanges,
  run: (url: string, engine: ScriptedEngine) => Promise<void>,
): Promise<void> {
  await using engine = startScripted(({ text }) =>
    new Response(text, { headers: { "content-type": "application/json" } })
  );
  await using router = await startRouter([engineAt(engine.url, "any")], changes);
  await run(router.url, engine);
}

async function counted(url: string): Promise<Readonly<Record<string, number>>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.matchAll(
    /^pd_router_client_kv_params_total\{endpoint="([^"]+)"\} (\d+)$/gm,
  );
  return Object.fromEntries([...lines].map(([, path, count]) => [path, Number(count)]));
}

for (const [name, value] of Object.entries(FIELDS)) {
  Deno.test(`the router takes a client's ${name} out on every endpoint, and counts it`, async () => {
    await withOne({}, async (url) => {
      for (const [path, body] of REQUESTS) {
        for (const sent of [value, null, "text"]) {
          const answer = await post(url + path, { [name]: sent, ...body });
          assertEquals(await answer.json(), body, path);
        }
      }
      const expected = Object.fromEntries(REQUESTS.map(([path]) => [path, 3]));
      assertEquals(await counted(url), expected);
    });
  });
}

Deno.test("the router counts nothing for requests without KV fields", async () => {
  await withOne({}, async (url) => {
    for (const [path, body] of REQUESTS) await (await post(url + path, body)).text();
    assertEquals(await counted(url), {});
  });
});

Deno.test("the router takes KV fields out that an escaped or repeated key hides", async () => {
  await withOne({}, async (url) => {
    for (
      const text of [
        '{"model":"m","prompt":"a","kv_transfer_params":1,"kv_transfer_params":{"a":{}}}',
        '{"model":"m","prompt":"a","kv_transfer\\u005fparams":{"a":1}}',
        '{"\\u0064isagg_spec":[],"model":"m","prompt":"a"}',
      ]
    ) {
      const answer = await post(`${url}/v1/completions`, text);
      assertEquals(await answer.json(), { model: "m", prompt: "a" }, text);
    }
  });
});

Deno.test("the router keeps a client's KV fields where it trusts them, byte for byte", async () => {
  await withOne({ trustClientKvParams: true }, async (url) => {
    for (const [path, body] of REQUESTS) {
      const sent = JSON.stringify({ ...FIELDS, ...body }, undefined, 1);
      const answer = await post(url + path, sent);
      assertEquals(await answer.text(), sent, path);
    }
    assertEquals(await counted(url), {});
  });
});

const REST = [
  event(" two"),
  event(" three", { finish_reason: "length" }),
  usageEvent(4, 2),
  data("[DONE]"),
];

type Body = Readonly<Record<string, unknown>>;

function bodiesAt(engine: ScriptedEngine): Body[] {
  return engine.asked.map(({ text }) => JSON.parse(text));
}

/** A pair whose handoffs begin with the prefill's token. */
async function withHandoffs(
  router: RouterChanges,
  run: (pair: ScriptedPair) => Promise<void>,
): Promise<void> {
  await withPair({
    decode: ({ text }) => JSON.parse(text).stream === true ? sse(REST) : Response.json({}),
    router,
  }, run);
}

for (const trustClientKvParams of [false, true]) {
  Deno.test(`a handoff in mode P1 has its own KV fields alone, trust ${trustClientKvParams}`, async () => {
    await withHandoffs({ trustClientKvParams }, async ({ router, prefill, decode }) => {
      for (const path of ["/v1/completions", "/v1/chat/completions"]) {
        const answer = await post(router.url + path, { ...FIELDS, ...GENERATING[path] });
        assertStringIncludes(await answer.text(), " one two three");
      }
      const legs = bodiesAt(prefill).filter((body) => "kv_transfer_params" in body);
      assertEquals(legs.length, 2);
      for (const body of [...bodiesAt(prefill), ...bodiesAt(decode)]) {
        assert(!JSON.stringify(body).includes("client"), JSON.stringify(body));
      }
      const expected = { "/v1/completions": 1, "/v1/chat/completions": 1 };
      assertEquals(await counted(router.url), trustClientKvParams ? {} : expected);
    });
  });

  Deno.test(`a request served directly beside handoffs, trust ${trustClientKvParams}`, async () => {
    await withHandoffs({ trustClientKvParams }, async ({ router, prefill, decode }) => {
      const bodies = [
        { ...GENERATING["/v1/completions"], suffix: "direct" },
        { ...GENERATING["/v1/completions"], prompt_logprobs: 1, stream: true },
      ];
      for (const body of bodies) {
        await (await post(`${router.url}/v1/completions`, { ...FIELDS, ...body })).text();
      }
      const kept = trustClientKvParams ? FIELDS : {};
      assertEquals(bodiesAt(decode), bodies.map((body) => ({ ...kept, ...body })));
      assertEquals(prefill.asked, []);
      assertEquals(
        await counted(router.url),
        trustClientKvParams ? {} : { "/v1/completions": 2 },
      );
    });
  });
}

Deno.test("lmcacheTagDirect tags what is served directly, and no leg of a handoff", async () => {
  const tag = { "lmcache.tag.pd_router": "direct" };
  await withHandoffs({ lmcacheTagDirect: true }, async ({ router, decode, prefill }) => {
    const direct = { ...GENERATING["/v1/completions"], suffix: "direct" };
    await (await post(`${router.url}/v1/completions`, { ...FIELDS, ...direct })).text();
    assertEquals(bodiesAt(decode), [{ ...direct, kv_transfer_params: tag }]);
    await (await post(`${router.url}/v1/completions`, GENERATING["/v1/completions"])).text();
    const legs = [...bodiesAt(prefill), ...bodiesAt(decode).slice(1)];
    assert(
      legs.length >= 2 && legs.every((leg) => !JSON.stringify(leg).includes(JSON.stringify(tag))),
    );
  });
});

Deno.test("lmcacheTagDirect leaves a trusted client's params, and other protocols, alone", async () => {
  const direct = { ...GENERATING["/v1/completions"], suffix: "direct" };
  await withHandoffs({ lmcacheTagDirect: true, trustClientKvParams: true }, async (pair) => {
    await (await post(`${pair.router.url}/v1/completions`, { ...FIELDS, ...direct })).text();
    assertEquals(bodiesAt(pair.decode), [{ ...FIELDS, ...direct }]);
  });
  await withHandoffs({ lmcacheTagDirect: true, handoff: { kind: "nixl" } }, async (pair) => {
    await (await post(`${pair.router.url}/v1/completions`, direct)).text();
    assertEquals(bodiesAt(pair.decode), [direct]);
  });
});

/** What a prefill engine with a NixlConnector answers. */
const LENT = { remote_engine_id: "p", remote_block_ids: [1], remote_host: "h", remote_port: 1 };

for (const kind of ["nixl", "shared_storage"] as const) {
  for (const trustClientKvParams of [false, true]) {
    Deno.test(`a handoff over ${kind} has its own KV fields alone, trust ${trustClientKvParams}`, async () => {
      await using prefill = startScripted(() =>
        Response.json({
          choices: [{ index: 0, text: "a", finish_reason: "length" }],
          ...(kind === "nixl" ? { kv_transfer_params: LENT } : {}),
        })
      );
      await using decode = startScripted(() => Response.json({ choices: [] }));
      await using router = await startRouter(
        [engineAt(prefill.url, "prefill"), engineAt(decode.url, "decode")],
        { handoff: { kind }, trustClientKvParams },
      );
      for (const [path, body] of Object.entries(GENERATING)) {
        const answer = await post(router.url + path, { ...FIELDS, ...body });
        assertEquals([answer.status, await answer.json()], [200, { choices: [] }]);
        const [leg, last] = [bodiesAt(prefill).at(-1), bodiesAt(decode).at(-1)];
        assertEquals(last, kind === "nixl" ? { ...body, kv_transfer_params: LENT } : body);
        assert(!JSON.stringify(leg).includes("client"), JSON.stringify(leg));
        assertEquals("kv_transfer_params" in (leg ?? {}), kind === "nixl", path);
      }
      const expected = Object.fromEntries(Object.keys(GENERATING).map((path) => [path, 1]));
      assertEquals(await counted(router.url), trustClientKvParams ? {} : expected);
    });
  }
}
