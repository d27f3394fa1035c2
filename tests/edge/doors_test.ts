/** Keys, limits and TLS before simulated engines, asked by the SDKs of OpenAI and Anthropic. */
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import type { RouterChanges } from "../support/router.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { type Cluster, MODEL, startCluster, total } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { chains } from "../tls/support.ts";

const KEYS = `
keys:
  - {name: free, key: sk-free}
  - {name: slow, key: sk-slow, requests_per_second: 0.001}
  - {name: single, key: sk-single, concurrent_requests: 1}
  - {name: small, key: sk-small, tokens_per_minute: 60}
  - {name: other, key: sk-other, models: [other-model]}
`;

const CHAT = {
  model: MODEL,
  messages: [{ role: "user" as const, content: "Tell me about the river. [[sim:len 18]]" }],
  max_tokens: 30,
};

/** A cluster behind a door, and its certificate authority where it is reached by TLS. */
async function withDoor(
  changes: { readonly tls?: boolean; readonly modes?: readonly ("p1" | "d1")[] },
  run: (cluster: Cluster, base: string, send: typeof fetch) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = (name: string): string => `${folder}/${name}`;
  try {
    const { server, ca } = await chains();
    await Deno.writeTextFile(path("keys.yaml"), KEYS);
    await Deno.writeTextFile(path("cert.pem"), server.cert);
    await Deno.writeTextFile(path("key.pem"), server.key);
    const doors: RouterChanges["doors"] = {
      keys: { given: [], file: path("keys.yaml"), open: ["/metrics"] },
      ...(changes.tls === true ? { tls: { cert: path("cert.pem"), key: path("key.pem") } } : {}),
    };
    // Engines have a key of their own, which clients do not know.
    const engine = { apiKey: "vllm-secret" };
    await using cluster = await startCluster({
      router: { doors, apiKey: "vllm-secret" },
      prefill: engine,
      decode: engine,
      ...(changes.modes === undefined ? {} : { modes: changes.modes, decodes: 2 }),
    });
    using client = Deno.createHttpClient({ caCerts: [ca] });
    const send: typeof fetch = (input: URL | Request | string, init?: RequestInit) =>
      fetch(input, { ...init, client });
    const base = changes.tls === true ? cluster.url.replace("http:", "https:") : cluster.url;
    await run(cluster, base, send);
    await cluster.quiet();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function openai(base: string, apiKey: string, send: typeof fetch): OpenAI {
  return new OpenAI({ baseURL: `${base}/v1`, apiKey, maxRetries: 0, fetch: send });
}

function anthropic(baseURL: string, apiKey: string, send: typeof fetch): Anthropic {
  return new Anthropic({ baseURL, apiKey, maxRetries: 0, fetch: send });
}

for (const tls of [false, true]) {
  Deno.test(`OpenAI SDK: a key opens the door${tls ? ", by TLS" : ""}, and nothing else does`, async () => {
    await withDoor({ tls }, async ({ prefills, single }, base, send) => {
      const ours = openai(base, "sk-free", send);
      const right = await openai(single.url, "any", fetch).chat.completions.create(CHAT);
      const whole = await ours.chat.completions.create(CHAT);
      assertEquals(whole.choices[0]?.message.content, right.choices[0]?.message.content);
      let text = "";
      for await (const chunk of await ours.chat.completions.create({ ...CHAT, stream: true })) {
        text += chunk.choices[0]?.delta.content ?? "";
      }
      assertEquals(text, right.choices[0]?.message.content);
      assertEquals((await ours.models.list()).data.map(({ id }) => id), [MODEL]);
      const before = total(prefills, "prefills");
      for (const key of ["sk-none", "sk-free2", " "]) {
        const stranger = openai(base, key, send);
        const error = await assertRejects(
          () => stranger.chat.completions.create(CHAT),
          OpenAI.AuthenticationError,
        );
        assertEquals(error.status, 401);
        await assertRejects(() => stranger.models.list(), OpenAI.AuthenticationError);
      }
      assertEquals(total(prefills, "prefills"), before);
    });
  });
}

Deno.test("OpenAI SDK: limits are told by 429 and 403, with the fields that it reads", async () => {
  await withDoor({}, async (_, base, send) => {
    const slow = openai(base, "sk-slow", send);
    const { response } = await slow.chat.completions.create(CHAT).withResponse();
    assertEquals(response.headers.get("x-ratelimit-remaining-requests"), "0");
    const late = await assertRejects(
      () => slow.chat.completions.create(CHAT),
      OpenAI.RateLimitError,
    );
    assertEquals([late.status, late.type], [429, "RateLimitError"]);
    assert(Number(late.headers?.get("retry-after")) > 900);
    const small = openai(base, "sk-small", send);
    await small.chat.completions.create({ ...CHAT, max_tokens: 60 });
    const used = await assertRejects(
      () => small.chat.completions.create(CHAT),
      OpenAI.RateLimitError,
    );
    assertEquals(used.headers?.get("x-ratelimit-limit-tokens"), "60");
    const other = openai(base, "sk-other", send);
    const refused = await assertRejects(
      () => other.chat.completions.create(CHAT),
      OpenAI.PermissionDeniedError,
    );
    assertEquals([refused.status, refused.param], [403, "model"]);
    assertEquals((await other.models.list()).data, []);
  });
});

Deno.test("OpenAI SDK: one place is held by a stream until it has ended or is left", async () => {
  await withDoor({}, async (_, base, send) => {
    const single = openai(base, "sk-single", send);
    const ask = { ...CHAT, max_tokens: 400, stream: true as const };
    for (const leave of [true, false]) {
      let stream: Awaited<ReturnType<typeof single.chat.completions.create>> | undefined;
      // The place of the round before is given back when the router notices.
      await eventually(async () => {
        stream = await single.chat.completions.create(ask).catch(() => undefined);
        return stream !== undefined;
      });
      assert(stream !== undefined && Symbol.asyncIterator in stream);
      const events = stream[Symbol.asyncIterator]();
      await events.next();
      if (leave) stream.controller.abort();
      else while (!(await events.next()).done);
    }
    await eventually(() => single.models.list().then(() => true, () => false));
  });
});

Deno.test("Anthropic SDK: a key opens the door as x-api-key and as a token, and nothing else does", async () => {
  await withDoor({ modes: ["p1", "d1"] }, async (_, base, send) => {
    const ours = anthropic(base, "sk-free", send);
    const message = await ours.messages.create(CHAT);
    assertEquals(message.type, "message");
    const stream = ours.messages.stream(CHAT);
    assertEquals((await stream.finalMessage()).content, message.content);
    const token = new Anthropic({
      baseURL: base,
      apiKey: null,
      authToken: "sk-free",
      maxRetries: 0,
      fetch: send,
    });
    assertEquals((await token.messages.create(CHAT)).content, message.content);
    const unknown = await assertRejects(
      () => anthropic(base, "sk-none", send).messages.create(CHAT),
      Anthropic.AuthenticationError,
    );
    assertEquals([unknown.status, unknown.type], [401, "authentication_error"]);
    const refused = await assertRejects(
      () => anthropic(base, "sk-other", send).messages.create(CHAT),
      Anthropic.PermissionDeniedError,
    );
    assertEquals([refused.status, refused.type], [403, "permission_error"]);
    const slow = anthropic(base, "sk-slow", send);
    await slow.messages.create(CHAT);
    const late = await assertRejects(() => slow.messages.create(CHAT), Anthropic.RateLimitError);
    assertEquals([late.status, late.type], [429, "rate_limit_error"]);
  });
});
