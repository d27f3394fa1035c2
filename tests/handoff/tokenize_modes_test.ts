import type { TokenizeOptions } from "../../lib/config/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { post } from "../support/router.ts";
import type { AskedRequest } from "../support/scripted_engine.ts";
import {
  data,
  event,
  type PairScript,
  PROMPT_IDS,
  type ScriptedPair,
  sse,
  usageEvent,
  withPair,
} from "../support/scripted_pair.ts";

/** Ids of the prompt as the client's endpoint makes them: not those of `/tokenize`. */
const TOLD_IDS = [21, 22, 23];

const REST = [
  event(" two"),
  event(" three", { finish_reason: "length" }),
  usageEvent(4, 2),
  data("[DONE]"),
];

const CHAT = { model: "m", messages: [{ role: "user", content: "hi" }], max_tokens: 3 };
const COMPLETION = { model: "m", prompt: "hi", max_tokens: 3 };
const TOOLS = [{ type: "function", function: { name: "f", parameters: {} } }];

const ENDPOINTS = [
  ["/v1/chat/completions", CHAT],
  ["/v1/completions", COMPLETION],
] as const;

/** What a prefill engine says of the client's own request. */
interface Told {
  readonly ids?: readonly number[] | undefined;
  readonly text?: string | null;
  readonly message?: Record<string, unknown>;
  readonly kv?: Record<string, unknown>;
  readonly promptTokens?: number;
  readonly choice?: Record<string, unknown>;
}

/** A prefill's answer in the form of the endpoint asked, that tells ids to whom asks for them. */
function telling(told: Told): (request: AskedRequest) => Response {
  const { text = " one", kv = { first_tok: 91 }, promptTokens = 3 } = told;
  return ({ path, text: asked }) => {
    const wanted = JSON.parse(asked).return_token_ids === true;
    const ids = wanted && told.ids !== undefined ? told.ids : null;
    const chat = path === "/v1/chat/completions";
    const said = chat ? { message: { role: "assistant", content: text, ...told.message } } : {
      text: text ?? "",
      prompt_token_ids: ids,
    };
    return Response.json({
      id: "x",
      object: chat ? "chat.completion" : "text_completion",
      model: "m",
      choices: [{
        index: 0,
        ...said,
        finish_reason: "length",
        token_ids: wanted ? [91] : null,
        ...told.choice,
      }],
      usage: {
        prompt_tokens: promptTokens,
        completion_tokens: 1,
        total_tokens: promptTokens + 1,
      },
      ...(chat ? { prompt_token_ids: ids } : {}),
      kv_transfer_params: kv,
    });
  };
}

interface Case extends Omit<PairScript, "decode" | "prefill"> {
  readonly how: TokenizeOptions["how"];
  readonly cacheBytes?: number;
  readonly told?: Told;
  readonly prefill?: PairScript["prefill"];
  readonly decode?: PairScript["decode"];
}

/** Streams to a decode leg, and says "direct" to the client's own request. */
function decodeOrDirect({ text }: AskedRequest): Response {
  return JSON.parse(text).stream === true ? sse(REST) : Response.json({ whole: "direct" });
}

async function withCase(given: Case, run: (pair: ScriptedPair) => Promise<void>): Promise<void> {
  const { how, cacheBytes = 0, told = { ids: TOLD_IDS }, ...script } = given;
  const { prefill = { respond: telling(told) }, decode = decodeOrDirect, ...rest } = script;
  const router = { ...rest.router, tokenize: { how, cacheBytes } };
  await withPair({ ...rest, prefill, decode, router }, run);
}

function paths(pair: ScriptedPair): readonly string[] {
  return pair.prefill.asked.map(({ path }) => path);
}

// deno-lint-ignore no-explicit-any
function lastPrefill(pair: ScriptedPair): any {
  return JSON.parse(pair.prefill.asked.at(-1)?.text ?? "");
}

/** The series of a metric that are above 0, without its name. */
async function metric(pair: ScriptedPair, name: string): Promise<readonly string[]> {
  const text = await (await fetch(`${pair.router.url}/metrics`)).text();
  return text.split("\n").filter((line) => line.startsWith(`${name}{`) && !line.endsWith(" 0"))
    .map((line) => line.slice(name.length));
}

/** The text of a whole answer of either endpoint. */
async function textOf(answer: Response): Promise<string> {
  const { choices, ...rest } = await answer.json();
  assert(choices !== undefined, JSON.stringify(rest));
  return choices[0].text ?? choices[0].message.content;
}

Deno.test("--tokenize prefill sends the client's own request, and decodes with the ids it tells", async () => {
  for (const [path, asked] of ENDPOINTS) {
    await withCase({ how: "prefill" }, async (pair) => {
      const more = { temperature: 0, min_tokens: 2, chat_template_kwargs: { a: 1 } };
      const answer = await post(pair.router.url + path, { ...asked, ...more, stream: false });
      const body = await answer.json();
      assertEquals(body.choices[0].text ?? body.choices[0].message.content, " one two three");
      assertEquals(body.usage, { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 });
      assert(!JSON.stringify(body).includes("[21,22,23]"), "the ids are the router's");
      assertEquals(paths(pair), [path]);
      const { kv_transfer_params: kv, ...leg } = lastPrefill(pair);
      assertEquals(leg, {
        ...asked,
        ...more,
        max_tokens: 1,
        min_tokens: 1,
        stream: false,
        return_token_ids: true,
      });
      assertEquals([kv.ret_first_tok, typeof kv.disagg_spec.req_id], [true, "string"]);
      assertEquals(pair.decode.asked.map(({ path }) => path), ["/v1/completions"]);
      assertEquals(pair.decodeLegs()[0]?.["prompt"], [...TOLD_IDS, 91]);
      assertEquals(await metric(pair, "pd_router_tokenize_total"), [
        '{how="prefill",result="tokens"} 1',
      ]);
    });
  }
});

Deno.test("--tokenize prefill streams the first token, and drains what ends with it", async () => {
  for (const [path, asked] of ENDPOINTS) {
    await withCase({ how: "prefill" }, async (pair) => {
      const answer = await post(pair.router.url + path, { ...asked, stream: true });
      assertStringIncludes(await answer.text(), '" one"');
      assertEquals(pair.drains(), []);
      const ended = await post(pair.router.url + path, { ...asked, max_tokens: 1 });
      assertEquals(await textOf(ended), " one");
      await eventually(() => pair.drains().length === 1, () => "one drain");
      assertEquals(pair.drains()[0]?.["prompt"], [...TOLD_IDS, 91]);
      assertEquals(pair.decodeLegs().length, 1);
    });
  }
});

Deno.test("--tokenize prefill does without first_tok where the ids tell the token", async () => {
  await withCase({ how: "prefill", told: { ids: TOLD_IDS, kv: {} } }, async (pair) => {
    const answer = await post(`${pair.router.url}/v1/chat/completions`, CHAT);
    assertEquals(await textOf(answer), " one two three");
    assertEquals(pair.decodeLegs()[0]?.["prompt"], [...TOLD_IDS, 91]);
  });
});

Deno.test("--tokenize prefill takes a text that a parser took from the ids", async () => {
  const textOfIds = (ids: readonly number[]): string =>
    ids.map((id) => id === 91 ? "<think>" : "p").join("");
  const messages = [
    [{ content: null, reasoning: " one" }, "<think>"],
    [{ content: "", reasoning_content: " one" }, "<think>"],
    [{ content: null, tool_calls: [] }, "<think>"],
    // An end of text or another special token: no text of its own, and nobody took it.
    [{ content: "", reasoning: null, tool_calls: [] }, ""],
  ] as const;
  for (const [message, first] of messages) {
    const told = { ids: TOLD_IDS, message };
    await withCase({ how: "prefill", told, textOf: textOfIds }, async (pair) => {
      const url = `${pair.router.url}/v1/chat/completions`;
      assertEquals(await textOf(await post(url, CHAT)), `${first} two three`);
      assertEquals(await textOf(await post(url, { ...CHAT, max_tokens: 1 })), first);
      await eventually(() => pair.drains().length === 1, () => "one drain");
    });
  }
});

Deno.test("--tokenize prefill ends without a text of its own at a stop, whatever the id says", async () => {
  const choice = { finish_reason: "stop", message: { role: "assistant", content: null } };
  await withCase({ how: "prefill", told: { ids: TOLD_IDS, choice } }, async (pair) => {
    const answer = await post(`${pair.router.url}/v1/chat/completions`, CHAT);
    assertEquals(await textOf(answer), "");
    await eventually(() => pair.drains().length === 1, () => "one drain");
  });
});

Deno.test("--tokenize prefill asks /tokenize where the answer tells no ids, each time", async () => {
  for (const [path, asked] of ENDPOINTS) {
    await withCase({ how: "prefill", told: { ids: undefined } }, async (pair) => {
      for (let time = 1; time <= 2; time++) {
        assertEquals(await textOf(await post(pair.router.url + path, asked)), " one two three");
      }
      assertEquals(paths(pair), [path, "/tokenize", path, "/tokenize"]);
      assertEquals(pair.decodeLegs().map(({ prompt }) => prompt), [
        [...PROMPT_IDS, 91],
        [...PROMPT_IDS, 91],
      ]);
      assertEquals(await metric(pair, "pd_router_tokenize_total"), [
        '{how="prefill",result="unsupported"} 2',
        '{how="engine",result="tokens"} 2',
      ]);
    });
  }
});

Deno.test("--tokenize auto asks an engine that tells no ids by /tokenize from then on", async () => {
  for (const [path, asked] of ENDPOINTS) {
    await withCase({ how: "auto", told: { ids: undefined } }, async (pair) => {
      for (let time = 1; time <= 2; time++) {
        assertEquals(await textOf(await post(pair.router.url + path, asked)), " one two three");
      }
      assertEquals(paths(pair), [path, "/tokenize", "/tokenize", "/v1/completions"]);
      assertEquals(pair.drains(), []);
    });
  }
});

Deno.test("--tokenize auto stays with an engine that tells ids", async () => {
  await withCase({ how: "auto" }, async (pair) => {
    for (let time = 1; time <= 2; time++) {
      const answer = await post(`${pair.router.url}/v1/chat/completions`, CHAT);
      assertEquals(await textOf(answer), " one two three");
    }
    assertEquals(paths(pair), ["/v1/chat/completions", "/v1/chat/completions"]);
  });
});

Deno.test("--tokenize prefill goes direct when /tokenize disagrees with the prefill, and drains", async () => {
  const told = { ids: undefined, promptTokens: 4 };
  await withCase({ how: "prefill", told }, async (pair) => {
    const answer = await post(`${pair.router.url}/v1/chat/completions`, CHAT);
    assertEquals(await answer.json(), { whole: "direct" });
    assertEquals(await metric(pair, "pd_router_direct_total"), ['{reason="prompt_unknown"} 1']);
    await eventually(() => pair.drains().length === 1, () => "one drain");
  });
});

Deno.test("--tokenize prefill goes around an engine whose /tokenize fails, and drains", async () => {
  const first: Case["first"] = ({ path, text }) =>
    path === "/tokenize" && !text.includes("again") ? new Response("", { status: 500 }) : undefined;
  await withCase({ how: "prefill", told: { ids: undefined }, first }, async (pair) => {
    const answer = await post(`${pair.router.url}/v1/chat/completions`, CHAT);
    assertEquals(answer.status, 502);
    assertStringIncludes((await answer.json()).error.message, "/tokenize");
    assertEquals(pair.decodeLegs(), []);
    // Its ids are not to be had of the decode engine either.
    await eventually(
      async () => (await metric(pair, "pd_router_drains_total")).length === 1,
      () => "one drain that failed",
    );
    assertEquals(await metric(pair, "pd_router_drains_total"), ['{result="failed"} 1']);
  });
});

Deno.test("--tokenize prefill leaves a refused request to one engine, with nothing to drain", async () => {
  const prefill = {
    respond: () => Response.json({ error: { message: "no" } }, { status: 400 }),
    notifications: 0,
  };
  await withCase({ how: "prefill", prefill }, async (pair) => {
    const answer = await post(`${pair.router.url}/v1/chat/completions`, CHAT);
    assertEquals(await answer.json(), { whole: "direct" });
    assertEquals(pair.decodeLegs(), [CHAT]);
    assertEquals(pair.drains(), []);
    assertEquals(await metric(pair, "pd_router_direct_total"), ['{reason="prefill_refused"} 1']);
  });
});

Deno.test("--tokenize prefill goes direct with too long a request after the prefill, and drains", async () => {
  await withCase({ how: "prefill" }, async (pair) => {
    const asked = { ...CHAT, max_tokens: 4094 };
    const answer = await post(`${pair.router.url}/v1/chat/completions`, asked);
    assertEquals(await answer.json(), { whole: "direct" });
    assertEquals(await metric(pair, "pd_router_direct_total"), ['{reason="context_length"} 1']);
    await eventually(() => pair.drains().length === 1, () => "one drain");
    assertEquals(pair.drains()[0]?.["prompt"], [...TOLD_IDS, 91]);
  });
});

Deno.test("--tokenize prefill drains a failed prefill by the ids of /tokenize", async () => {
  const prefill = { respond: () => new Response("", { status: 500 }) };
  await withCase({ how: "prefill", prefill }, async (pair) => {
    const answer = await post(`${pair.router.url}/v1/chat/completions`, CHAT);
    assertEquals(answer.status, 502);
    await answer.body?.cancel();
    await eventually(() => pair.drains().length === 1, () => "one drain");
    // The first token is not known: one of the prompt's own ids, which is in every vocabulary.
    assertEquals(pair.drains()[0]?.["prompt"], [...PROMPT_IDS, PROMPT_IDS.at(-1)]);
  });
});

Deno.test("--tokenize prefill drains when the client leaves while /tokenize is asked instead", async () => {
  let hung = 0;
  const first: Case["first"] = ({ path }) =>
    path === "/tokenize" && hung++ === 0
      ? new Response(new ReadableStream({}), { headers: { "content-length": "10" } })
      : undefined;
  await withCase({ how: "prefill", told: { ids: undefined }, first }, async (pair) => {
    const controller = new AbortController();
    const leaving = post(`${pair.router.url}/v1/chat/completions`, CHAT, {
      signal: controller.signal,
    }).then(() => false, () => true);
    await eventually(() => hung > 0, () => "the question to be asked");
    controller.abort();
    assert(await leaving, "the client has left");
    await eventually(() => pair.drains().length === 1, () => "one drain");
    assertEquals(pair.drains()[0]?.["prompt"], [...PROMPT_IDS, 91]);
    assertEquals(pair.decodeLegs(), []);
  });
});

Deno.test("--tokenize prefill has the ids before the prefill where its endpoint is not the client's", async () => {
  await withCase({ how: "prefill" }, async (pair) => {
    const ids = await post(`${pair.router.url}/v1/completions`, { ...COMPLETION, prompt: [1, 2] });
    assertEquals(await textOf(ids), " one two three");
    assertEquals(paths(pair), ["/v1/completions"]);
    assertEquals(lastPrefill(pair).prompt, [1, 2]);
    const answer = await post(`${pair.router.url}/v1/chat/completions`, {
      ...CHAT,
      logprobs: true,
    });
    await answer.body?.cancel();
    assertEquals(paths(pair).slice(1), ["/tokenize", "/v1/completions"]);
  });
});

Deno.test("--tokenize render asks with the client's own request, without what only routers set", async () => {
  for (const [path, asked] of ENDPOINTS) {
    const rendered = { token_ids: TOLD_IDS };
    const first: Case["first"] = (request) =>
      request.path === `${path}/render`
        ? Response.json(path === "/v1/completions" ? [rendered] : rendered)
        : undefined;
    await withCase({ how: "render", first }, async (pair) => {
      const body = { ...asked, stream: true, reasoning: null };
      const answer = await post(pair.router.url + path, { ...body, kv_transfer_params: { a: 1 } });
      assertStringIncludes(await answer.text(), '" one"');
      assertEquals(paths(pair), [`${path}/render`, "/v1/completions"]);
      assertEquals(JSON.parse(pair.prefill.asked[0]?.text ?? ""), body);
      assertEquals(lastPrefill(pair).prompt, TOLD_IDS);
      assertEquals(pair.decodeLegs()[0]?.["prompt"], [...TOLD_IDS, 91]);
      assertEquals(await metric(pair, "pd_router_tokenize_total"), [
        '{how="render",result="tokens"} 1',
      ]);
    });
  }
});

Deno.test("--tokenize render asks an engine without it once, and /tokenize from then on", async () => {
  for (const status of [404, 405, 501]) {
    const first: Case["first"] = ({ path }) =>
      path.endsWith("/render") ? Response.json({}, { status }) : undefined;
    await withCase({ how: "render", first }, async (pair) => {
      for (let time = 1; time <= 2; time++) {
        const answer = await post(`${pair.router.url}/v1/chat/completions`, CHAT);
        assertEquals(await textOf(answer), " one two three");
      }
      assertEquals(paths(pair), [
        "/v1/chat/completions/render",
        "/tokenize",
        "/v1/completions",
        "/tokenize",
        "/v1/completions",
      ]);
    });
  }
});

Deno.test("--tokenize render leaves a refused request to one engine, and fails where it fails", async () => {
  for (const [status, expected] of [[400, 200], [500, 502]] as const) {
    const first: Case["first"] = ({ path }) =>
      path.endsWith("/render") ? Response.json({}, { status }) : undefined;
    await withCase({ how: "render", first }, async (pair) => {
      const answer = await post(`${pair.router.url}/v1/chat/completions`, CHAT);
      assertEquals(answer.status, expected);
      await answer.body?.cancel();
      assertEquals(paths(pair), ["/v1/chat/completions/render"]);
      assertEquals(pair.decodeLegs().length, status === 400 ? 1 : 0);
    });
  }
});

/** Requests whose prompt `/tokenize` cannot express. */
const EXACT = [
  { tools: TOOLS, tool_choice: "none" },
  { documents: [{ title: "t", text: "x" }] },
];

Deno.test("prompts that /tokenize cannot express are handed off where their ids are told or rendered", async () => {
  const first: Case["first"] = ({ path }) =>
    path.endsWith("/render") ? Response.json({ token_ids: TOLD_IDS }) : undefined;
  for (const more of EXACT) {
    for (const how of ["prefill", "auto", "render"] as const) {
      await withCase({ how, first }, async (pair) => {
        const answer = await post(`${pair.router.url}/v1/chat/completions`, { ...CHAT, ...more });
        assertEquals(await textOf(answer), " one two three");
        assertEquals(paths(pair).length, how === "render" ? 2 : 1);
        const [leg] = pair.decodeLegs();
        assertEquals(leg?.["prompt"], [...TOLD_IDS, 91]);
        assertEquals([leg?.["tools"], leg?.["documents"]], [undefined, undefined]);
      });
    }
  }
});

Deno.test("prompts that /tokenize cannot express go direct where their ids are not to be had", async () => {
  const first: Case["first"] = ({ path }) =>
    path.endsWith("/render") ? Response.json({}, { status: 404 }) : undefined;
  for (const more of EXACT) {
    const asked = { ...CHAT, ...more };
    const reason = "tools" in more ? "tools" : "documents";
    for (const how of ["engine", "prefill", "auto", "render"] as const) {
      await withCase({ how, first, told: { ids: undefined } }, async (pair) => {
        const answer = await post(`${pair.router.url}/v1/chat/completions`, asked);
        assertEquals(await answer.json(), { whole: "direct" });
        // Behind a prefill the request is kept apart from the KV that it moved.
        const kv = how === "prefill" || how === "auto"
          ? { kv_transfer_params: { "lmcache.tag.pd_router": "direct" } }
          : {};
        assertEquals(pair.decodeLegs(), [{ ...asked, ...kv }]);
        assert(!paths(pair).includes("/tokenize"));
        const expected = how === "engine" ? reason : "prompt_unknown";
        assertEquals(await metric(pair, "pd_router_direct_total"), [`{reason="${expected}"} 1`]);
      });
    }
  }
});

Deno.test("--tokenize-cache-bytes asks /tokenize once for a prompt that comes again", async () => {
  await withCase({ how: "engine", cacheBytes: 10_000 }, async (pair) => {
    const url = `${pair.router.url}/v1/completions`;
    for (const more of [{}, { max_tokens: 4 }, { prompt: "ho" }]) {
      const answer = await post(url, { ...COMPLETION, ...more });
      assertEquals(await textOf(answer), " one two three");
    }
    assertEquals(paths(pair).filter((path) => path === "/tokenize").length, 2);
    assertEquals(await metric(pair, "pd_router_tokenize_cache_total"), [
      '{result="miss"} 2',
      '{result="hit"} 1',
    ]);
  });
});

Deno.test("--tokenize-cache-bytes 0 keeps nothing", async () => {
  await withCase({ how: "engine" }, async (pair) => {
    for (let time = 1; time <= 2; time++) {
      await textOf(await post(`${pair.router.url}/v1/completions`, COMPLETION));
    }
    assertEquals(paths(pair).filter((path) => path === "/tokenize").length, 2);
    assertEquals(await metric(pair, "pd_router_tokenize_cache_total"), []);
  });
});
