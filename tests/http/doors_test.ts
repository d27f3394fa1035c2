/** Keys and forwarding fields through the whole router, before an engine that remembers. */
import { createLogger, encodeUtf8, parseNetwork, sha256 } from "../../lib/base/mod.ts";
import type { RouterConfig } from "../../lib/config/mod.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { eventually } from "../support/eventually.ts";
import { TurningClock } from "../support/turning_clock.ts";
import { engineAt, post, type RouterChanges, startRouter } from "../support/router.ts";
import { type Script, type ScriptedEngine, startScripted } from "../support/scripted_engine.ts";

const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const ANSWER: Script = () => Response.json({ id: "x", choices: [], usage: USAGE });

interface Setup {
  readonly url: string;
  readonly engine: ScriptedEngine;
  /** Write another file of keys. */
  write(text: string): void;
  metric(line: string): Promise<boolean>;
}

/** A router with a file of keys, and what is written to its log. */
async function withKeys(
  { text, script = ANSWER, changes = {} }: {
    readonly text?: string;
    readonly script?: Script;
    readonly changes?: RouterChanges;
  },
  run: (setup: Setup, lines: string[]) => Promise<void>,
): Promise<void> {
  const file = await Deno.makeTempFile();
  try {
    if (text !== undefined) await Deno.writeTextFile(file, text);
    const lines: string[] = [];
    const log = createLogger(new FakeClock(), (line) => lines.push(line), {
      level: "trace",
      format: "text",
    });
    const open = changes.doors?.keys?.open ?? ["/metrics", "/version"];
    const keys: RouterConfig["doors"]["keys"] = { given: [sha256("sk-flag")], open, file };
    const doors = { ...(text === undefined ? {} : { keys }), ...changes.doors };
    await using engine = startScripted(script);
    await using router = await startRouter([engineAt(engine.url, "any")], {
      log_: log,
      ...changes,
      doors: text === undefined ? doors : { ...doors, keys },
    });
    const { url } = router;
    await run({
      url,
      engine,
      write: (next) => Deno.writeTextFileSync(file, next),
      async metric(line) {
        const all = await (await fetch(`${url}/metrics`)).text();
        return all.split("\n").includes(line);
      },
    }, lines);
  } finally {
    await Deno.remove(file);
  }
}

function bearer(
  key: string,
  more: Record<string, string> = {},
): { headers: Record<string, string> } {
  return { headers: { authorization: `Bearer ${key}`, ...more } };
}

const ASK = { model: "m", prompt: "hi", max_tokens: 100 };
const FREE = "- {name: free, key: sk-free}";

Deno.test("keys are asked for at every endpoint but those that are open", async () => {
  await withKeys({ text: FREE }, async ({ url, engine }) => {
    for (const path of ["/health", "/version", "/metrics"]) {
      const answer = await fetch(url + path);
      assertEquals([answer.status, (await answer.text()) !== ""], [200, true], path);
    }
    const locked = ["/engines", "/v1/models", "/v1/models/m", "/nope", "/"];
    for (const path of locked) {
      const answer = await fetch(url + path);
      assertEquals(answer.status, 401, path);
      assertEquals(answer.headers.get("www-authenticate"), 'Bearer realm="pd-router"');
      await answer.body?.cancel();
    }
    for (const path of ["/v1/completions", "/v1/embeddings", "/tokenize", "/v1/responses"]) {
      const answer = await post(url + path, ASK);
      const { error } = await answer.json();
      assertEquals([answer.status, error.type, error.param, error.code], [
        401,
        "AuthenticationError",
        null,
        401,
      ]);
    }
    const head = await fetch(`${url}/engines`, { method: "HEAD" });
    assertEquals(head.status, 401);
    assertEquals(engine.asked.length, 0);
    for (const key of ["sk-free", "sk-flag"]) {
      const answer = await post(`${url}/v1/completions`, ASK, bearer(key));
      assertEquals([answer.status, (await answer.json()).usage], [200, USAGE]);
    }
  });
});

Deno.test("keys are asked for in Anthropic's shape where Anthropic's clients are", async () => {
  await withKeys({ text: "- {name: a, key: sk-a, models: [x]}" }, async ({ url }) => {
    const asks = [
      [{}, 401, "authentication_error"],
      [{ "x-api-key": "sk-b" }, 401, "authentication_error"],
      [{ "x-api-key": "sk-a" }, 403, "permission_error"],
    ] as const;
    for (const [headers, status, type] of asks) {
      const answer = await post(`${url}/v1/messages`, ASK, { headers });
      const body = await answer.json();
      assertEquals([answer.status, body.type, body.error.type], [status, "error", type]);
    }
  });
});

Deno.test("keys stay at the router: engines see its own, or none", async () => {
  for (const apiKey of ["vllm-secret", undefined]) {
    const changes = apiKey === undefined ? {} : { apiKey };
    await withKeys({ text: FREE, changes }, async ({ url, engine }, lines) => {
      const shown = { "x-api-key": "sk-other", "x-mine": "1" };
      const answer = await post(`${url}/v1/completions`, ASK, bearer("sk-free", shown));
      await answer.body?.cancel();
      await (await post(`${url}/v1/completions`, ASK, bearer("sk-hush"))).body?.cancel();
      const [seen] = engine.asked;
      assertEquals(engine.asked.length, 1);
      assertEquals(
        [
          seen?.headers.get("authorization"),
          seen?.headers.get("x-api-key"),
          seen?.headers.get("x-mine"),
        ],
        [apiKey === undefined ? null : `Bearer ${apiKey}`, null, "1"],
      );
      assert(!/sk-free|sk-other|sk-hush|vllm-secret/.test(lines.join("\n")), lines.join("\n"));
    });
  }
});

Deno.test("without keys a client's own goes to engines, as it is", async () => {
  await withKeys({ changes: { apiKey: "vllm-secret" } }, async ({ url, engine }) => {
    const answer = await post(
      `${url}/v1/completions`,
      ASK,
      bearer("sk-a", { "x-api-key": "sk-b" }),
    );
    assertEquals(answer.status, 200);
    await answer.body?.cancel();
    const [seen] = engine.asked;
    assertEquals([seen?.headers.get("authorization"), seen?.headers.get("x-api-key")], [
      "Bearer sk-a",
      "sk-b",
    ]);
  });
});

Deno.test("a changed file of keys counts from the next request on, and a bad one does not", async () => {
  await withKeys({ text: FREE }, async ({ url, write }, lines) => {
    const statusOf = async (key: string): Promise<number> => {
      const answer = await fetch(`${url}/engines`, bearer(key));
      await answer.body?.cancel();
      return answer.status;
    };
    const health = async (): Promise<unknown> => await (await fetch(`${url}/health`)).json();
    for (const [index, name] of ["one", "two", "six"].entries()) {
      write(`- {name: ${name}, key: sk-${name}}`);
      assertEquals(await statusOf(`sk-${name}`), 200);
      assertEquals(await statusOf(["sk-free", "sk-one", "sk-two"][index] ?? ""), 401);
    }
    write("- {name: hush, key: sk-hush");
    assertEquals([await statusOf("sk-six"), await statusOf("sk-hush")], [200, 401]);
    assertEquals(await health(), {
      status: "healthy",
      api_keys: "neither YAML nor JSON at line 1",
    });
    write("- {name: six, key: sk-six}");
    assertEquals([await statusOf("sk-six"), await health()], [200, { status: "healthy" }]);
    const told = lines.filter((line) => line.includes("ERROR"));
    assertEquals(told.length, 1);
    assertMatch(told[0] ?? "", /Cannot use the changed --api-keys-file.*neither YAML nor JSON/);
    assert(!lines.join("\n").includes("sk-"), lines.join("\n"));
  });
});

Deno.test("a key has its models alone: 403 for others, and a list without them", async () => {
  const text = "- {name: a, key: sk-a, models: [small]}\n- {name: b, key: sk-b, models: [m]}";
  const changes = { aliases: new Map([["small", "m"]]) };
  await withKeys({ text, changes }, async ({ url, engine, metric }) => {
    const listOf = async (key: string): Promise<string[]> => {
      const list = await (await fetch(`${url}/v1/models`, bearer(key))).json();
      return list.data.map((card: { id: string }) => card.id);
    };
    assertEquals([await listOf("sk-a"), await listOf("sk-b"), await listOf("sk-flag")], [
      ["small"],
      ["m", "small"],
      ["m", "small"],
    ]);
    const refused = await post(`${url}/v1/completions`, ASK, bearer("sk-a"));
    const { error } = await refused.json();
    assertEquals([refused.status, error.type, error.param, error.message], [
      403,
      "PermissionDeniedError",
      "model",
      "The key 'a' may not use the model 'm'",
    ]);
    const card = await fetch(`${url}/v1/models/m`, bearer("sk-a"));
    assertEquals(card.status, 404);
    await card.body?.cancel();
    assertEquals(engine.asked.length, 0);
    const fine = await post(`${url}/v1/completions`, { ...ASK, model: "small" }, bearer("sk-a"));
    assertEquals(fine.status, 200);
    await fine.body?.cancel();
    assert(await metric('pd_router_api_key_refusals_total{key="a",reason="model"} 1'));
  });
});

Deno.test("a key's requests a second are counted, and told as OpenAI tells them", async () => {
  const clock = new TurningClock();
  const text = "- {name: a, key: sk-a, requests_per_second: 2}";
  await withKeys({ text, changes: { clock } }, async ({ url, metric }) => {
    const ask = async (): Promise<readonly (string | number | null)[]> => {
      const answer = await post(`${url}/v1/completions`, ASK, bearer("sk-a"));
      await answer.body?.cancel();
      const told = ["limit", "remaining", "reset"].map((what) =>
        answer.headers.get(`x-ratelimit-${what}-requests`)
      );
      return [answer.status, ...told, answer.headers.get("retry-after")];
    };
    assertEquals(await ask(), [200, "2", "1", "500ms", null]);
    assertEquals(await ask(), [200, "2", "0", "1s", null]);
    assertEquals(await ask(), [429, "2", "0", "1s", "1"]);
    await clock.advance(500);
    assertEquals([await ask(), await ask()], [
      [200, "2", "0", "1s", null],
      [429, "2", "0", "1s", "1"],
    ]);
    assert(await metric('pd_router_api_key_requests_total{key="a"} 3'));
    await clock.advance(0);
    assert(await metric('pd_router_api_key_refusals_total{key="a",reason="requests"} 2'));
  });
});

Deno.test("a key's tokens are those that answers tell, whole and streamed", async () => {
  const clock = new TurningClock();
  const text = "- {name: a, key: sk-a, tokens_per_minute: 1000}";
  const script: Script = (asked) =>
    asked.text.includes('"stream":true')
      ? new Response(
        `data: {"choices":[]}\n\ndata: ${JSON.stringify({ usage: USAGE })}\n\ndata: [DONE]\n\n`,
        { headers: { "content-type": "text/event-stream" } },
      )
      : ANSWER(asked);
  await withKeys({ text, script, changes: { clock } }, async ({ url }) => {
    const left = async (): Promise<number> => {
      const answer = await fetch(`${url}/engines`, bearer("sk-a"));
      await answer.body?.cancel();
      return Number(answer.headers.get("x-ratelimit-remaining-tokens"));
    };
    for (const [round, stream] of [false, true].entries()) {
      const answer = await post(`${url}/v1/completions`, { ...ASK, stream }, bearer("sk-a"));
      assertEquals(answer.status, 200);
      await answer.text();
      await eventually(async () => await left() === 1000 - 15 * (round + 1));
    }
    const large = { ...ASK, max_tokens: 990 };
    const refused = await post(`${url}/v1/completions`, large, bearer("sk-a"));
    assertEquals([refused.status, refused.headers.get("retry-after")], [429, "2"]);
    assertMatch(
      (await refused.json()).error.message,
      /tokens per minute: Limit 1000, requested about 10\d\d/,
    );
    await clock.advance(2000);
    const answer = await post(`${url}/v1/completions`, large, bearer("sk-a"));
    assertEquals(answer.status, 200);
    await answer.body?.cancel();
  });
});

/** A stream that has begun, and stays open until it is left. */
const ENDLESS: Script = () => {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encodeUtf8("data: {}\n\n")),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
};

Deno.test("a key's place is held until a streamed answer has ended, however it ends", async () => {
  const text = "- {name: a, key: sk-a, concurrent_requests: 1}";
  const scripts: readonly (readonly [name: string, script: Script, leave: boolean])[] = [
    ["left by its client", ENDLESS, true],
    ["read to its end", () => events("data: {}\n\n", "data: [DONE]\n\n"), false],
    ["broken by its engine", () => events("data: {}\n\n", new Error("broken")), false],
  ];
  for (const [name, script, leave] of scripts) {
    await withKeys({ text, script }, async ({ url, metric }) => {
      const controller = new AbortController();
      const held = await fetch(`${url}/v1/completions`, {
        method: "POST",
        body: JSON.stringify({ ...ASK, stream: true }),
        headers: { ...bearer("sk-a").headers, "content-type": "application/json" },
        signal: controller.signal,
      });
      assertEquals(held.status, 200);
      const reader = held.body?.getReader();
      await reader?.read();
      const statusNow = async (): Promise<number> => {
        const answer = await fetch(`${url}/engines`, bearer("sk-a"));
        await answer.body?.cancel();
        return answer.status;
      };
      if (leave) {
        assertEquals(await statusNow(), 429);
        assert(await metric('pd_router_api_key_refusals_total{key="a",reason="concurrency"} 1'));
        controller.abort();
      } else {
        while (!(await reader?.read().catch(() => ({ done: true })))?.done);
      }
      await eventually(async () => await statusNow() === 200, () => name);
    });
  }
});

function events(...pieces: readonly (string | Error)[]): Response {
  const rest = [...pieces];
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = rest.shift();
      if (piece === undefined) controller.close();
      else if (piece instanceof Error) controller.error(piece);
      else controller.enqueue(new TextEncoder().encode(piece));
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

Deno.test("a key's place is given back by every request that fails", async () => {
  const text = "- {name: a, key: sk-a, concurrent_requests: 1, models: [m]}";
  await withKeys({ text, script: () => new Response("no", { status: 500 }) }, async ({ url }) => {
    const asks: readonly (readonly [path: string, body: unknown, status: number])[] = [
      ["/v1/completions", "{", 400],
      ["/v1/completions", { model: "x" }, 403],
      ["/v1/completions", ASK, 500],
      ["/v1/completions?id=nobody", ASK, 404],
      ["/nope", ASK, 404],
      ["/v1/models", ASK, 405],
    ];
    for (let round = 0; round < 3; round++) {
      for (const [path, body, status] of asks) {
        const answer = await post(url + path, body, bearer("sk-a"));
        await answer.body?.cancel();
        assertEquals(answer.status, status, path);
      }
    }
  });
});

Deno.test("engines are told who has sent a request, and not by clients that nobody trusts", async () => {
  const forged = {
    "x-forwarded-for": "6.6.6.6",
    "x-forwarded-proto": "https",
    "x-forwarded-prefix": "/x",
    "x-real-ip": "6.6.6.6",
    "forwarded": "for=6.6.6.6",
  };
  const trusted = parseNetwork("127.0.0.0/8");
  for (const believed of [false, true]) {
    const trustedProxies = believed && trusted !== undefined ? [trusted] : [];
    await withKeys({ changes: { doors: { trustedProxies } } }, async ({ url, engine }) => {
      await (await post(`${url}/v1/completions`, ASK, { headers: forged })).body?.cancel();
      const { headers = new Headers() } = engine.asked[0] ?? {};
      const { host, port } = new URL(url);
      assertEquals(
        [...Object.keys(forged), "x-forwarded-host", "x-forwarded-port"].map((name) =>
          headers.get(name)
        ),
        believed
          ? [
            "6.6.6.6, 127.0.0.1",
            "https",
            "/x",
            "6.6.6.6",
            `for=6.6.6.6, for=127.0.0.1;host="${host}";proto=http`,
            host,
            port,
          ]
          : [
            "127.0.0.1",
            "http",
            null,
            "127.0.0.1",
            `for=127.0.0.1;host="${host}";proto=http`,
            host,
            port,
          ],
      );
    });
  }
});

Deno.test("a session that is named by a key is not told to the log", async () => {
  for (const sessionKey of ["Authorization", "x-api-key"]) {
    const changes: RouterChanges = { routing: { kind: "session", sessionKey } };
    await withKeys({ changes }, async ({ url }, lines) => {
      const headers = { authorization: "Bearer sk-hush", "x-api-key": "sk-hush" };
      await (await post(`${url}/v1/completions`, ASK, { headers })).body?.cancel();
      const routed = lines.filter((line) => line.includes("Routing request"));
      assertEquals(routed.length, 1);
      assertMatch(routed[0] ?? "", /with session id [0-9a-f]{16} to/);
      assert(!lines.join("\n").includes("hush"));
    });
  }
});
