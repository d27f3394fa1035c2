import { assert, assertEquals } from "../support/assert.ts";
import type { AllowedOrigins } from "../../lib/config/mod.ts";
import { engineAt, post, startRouter } from "../support/router.ts";
import { startScripted } from "../support/scripted_engine.ts";

const PAGE = "https://chat.example";
const BODY = { model: "m", messages: [] };

/** An engine that answers as vLLM does, which allows all origins. */
async function withRouter(
  allowedOrigins: AllowedOrigins,
  run: (url: string) => Promise<void>,
): Promise<void> {
  await using engine = startScripted(({ path, text }) => {
    const headers = {
      "access-control-allow-origin": "*",
      "access-control-allow-credentials": "true",
    };
    if (JSON.parse(text).stream === true) {
      const events = { ...headers, "content-type": "text/event-stream" };
      return new Response("data: [DONE]\n\n", { headers: events });
    }
    const status = path.startsWith("/v1/score") ? 400 : 200;
    return Response.json({}, { status, headers });
  });
  const answers = { exposeEngines: true, allowedOrigins, rankLeg: "decode" } as const;
  await using router = await startRouter([engineAt(engine.url, "any")], { answers });
  await run(router.url);
}

interface Seen {
  readonly status: number;
  readonly origin: string | null;
  readonly vary: string | null;
  readonly exposed: boolean;
}

async function seen(answering: Promise<Response>): Promise<Seen> {
  const answer = await answering;
  await answer.body?.cancel();
  const { headers, status } = answer;
  assertEquals(headers.get("access-control-allow-credentials"), null);
  return {
    status,
    origin: headers.get("access-control-allow-origin"),
    vary: headers.get("vary"),
    exposed: (headers.get("access-control-expose-headers") ?? "").includes("x-request-id"),
  };
}

/** Requests of every kind, and their statuses. */
const REQUESTS: readonly (readonly [
  status: number,
  ask: (url: string, headers: Record<string, string>) => Promise<Response>,
])[] = [
  [200, (url, headers) => post(`${url}/v1/chat/completions`, BODY, { headers })],
  [
    200,
    (url, headers) => post(`${url}/v1/chat/completions`, { ...BODY, stream: true }, { headers }),
  ],
  [200, (url, headers) => fetch(`${url}/v1/models`, { headers })],
  [200, (url, headers) => fetch(`${url}/health`, { headers })],
  [400, (url, headers) => post(`${url}/v1/score`, BODY, { headers })],
  [400, (url, headers) => post(`${url}/v1/chat/completions`, "{", { headers })],
  [404, (url, headers) => fetch(`${url}/v2`, { headers })],
  [405, (url, headers) => fetch(`${url}/v1/completions`, { headers })],
  [400, (url, headers) => fetch(`${url}/%ff`, { headers })],
];

Deno.test("pages of allowed origins can read every answer, errors too", async () => {
  await withRouter([PAGE], async (url) => {
    for (const [status, ask] of REQUESTS) {
      assertEquals(await seen(ask(url, { origin: PAGE })), {
        status,
        origin: PAGE,
        vary: "Origin",
        exposed: true,
      });
      for (const headers of [{ origin: "https://other.example" }, {}] as Record<string, string>[]) {
        assertEquals(await seen(ask(url, headers)), {
          status,
          origin: null,
          vary: "Origin",
          exposed: false,
        });
      }
    }
  });
});

Deno.test("pages of any origin can read every answer where all are allowed", async () => {
  await withRouter("*", async (url) => {
    for (const [status, ask] of REQUESTS) {
      const { origin, exposed, ...rest } = await seen(ask(url, { origin: PAGE }));
      assertEquals([rest.status, origin, exposed], [status, "*", true]);
    }
  });
});

Deno.test("no page can read any answer where none are allowed, whatever engines say", async () => {
  await withRouter([], async (url) => {
    for (const [status, ask] of REQUESTS) {
      assertEquals(await seen(ask(url, { origin: PAGE })), {
        status,
        origin: null,
        vary: null,
        exposed: false,
      });
    }
  });
});

function preflight(url: string, origin: string): Promise<Response> {
  return fetch(url, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type,x-stainless-lang",
    },
  });
}

Deno.test("preflights are answered for allowed origins alone", async () => {
  await withRouter([PAGE], async (url) => {
    for (const path of ["/v1/chat/completions", "/v1/messages", "/v1/models", "/v2"]) {
      const answer = await preflight(url + path, PAGE);
      const { headers } = answer;
      assertEquals([answer.status, await answer.text()], [204, ""], path);
      assertEquals(headers.get("access-control-allow-origin"), PAGE);
      assert(headers.get("access-control-allow-methods")?.includes("POST"));
      assertEquals(
        headers.get("access-control-allow-headers"),
        "authorization,content-type,x-stainless-lang",
      );
      assert(headers.get("vary")?.includes("Origin"));
      assert(headers.get("x-request-id"));
      const refused = await preflight(url + path, "https://other.example");
      await refused.body?.cancel();
      assertEquals(refused.status, path === "/v2" ? 404 : 405);
      assertEquals(refused.headers.get("access-control-allow-origin"), null);
    }
  });
  await withRouter([], async (url) => {
    const refused = await preflight(`${url}/v1/chat/completions`, PAGE);
    await refused.body?.cancel();
    assertEquals([refused.status, refused.headers.get("vary")], [405, null]);
  });
});

Deno.test("streams tell proxies on their way to keep nothing back", async () => {
  await withRouter([], async (url) => {
    for (
      const path of ["/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/responses"]
    ) {
      const answer = await post(url + path, { ...BODY, prompt: "a", input: "a", stream: true });
      await answer.text();
      const fields = ["x-accel-buffering", "cache-control"].map((name) => answer.headers.get(name));
      assertEquals(fields, ["no", "no-cache"], path);
      const whole = await post(url + path, BODY);
      await whole.text();
      assertEquals(whole.headers.get("x-accel-buffering"), null);
    }
  });
});
