import { createLogger, sha256, systemClock } from "../../lib/base/mod.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { engineAt, post, type RouterChanges, startRouter } from "../support/router.ts";
import { advancing, TurningClock } from "../support/turning_clock.ts";
import { type Answer, got, startRoute } from "./support.ts";

const KEY = "right";
const ASK = { model: "m", prompt: "hi", max_tokens: 5 };
const LIST = {
  object: "list",
  data: [{ id: "m", object: "model", created: 1, owned_by: "vllm", max_model_len: 4096 }],
};

/** An engine that wants a key for everything. */
interface LockedEngine extends AsyncDisposable {
  readonly url: string;
  /** The key it takes; undefined for any. */
  key: string | undefined;
  asked: number;
}

function startLocked(status = 401): LockedEngine {
  const state = { key: KEY as string | undefined, asked: 0 };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      await request.text();
      state.asked++;
      const given = request.headers.get("authorization");
      if (state.key !== undefined && given !== `Bearer ${state.key}`) {
        return Response.json({ error: "Unauthorized" }, { status });
      }
      return Response.json(new URL(request.url).pathname === "/v1/models" ? LIST : {});
    },
  );
  return Object.assign(state, {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  });
}

interface Asking {
  readonly url: string;
  readonly lines: readonly string[];
  readonly clock: TurningClock;
}

async function withLocked(
  engines: Parameters<typeof startRouter>[0],
  changes: RouterChanges,
  run: (asking: Asking) => Promise<void>,
): Promise<void> {
  const lines: string[] = [];
  const log_ = createLogger(systemClock(), (line) => lines.push(line), {
    level: "info",
    format: "text",
  });
  const clock = new TurningClock();
  await using router = await startRouter(engines, { log_, clock, ...changes });
  await run({ url: router.url, lines, clock });
}

for (const status of [401, 403]) {
  for (const apiKey of [undefined, "wrong"]) {
    Deno.test(`engines that answer ${status} to the router's key ${apiKey} are told as that`, async () => {
      await using engine = startLocked(status);
      const own = apiKey === undefined ? {} : { apiKey };
      await withLocked([engineAt(engine.url, "any")], own, async ({ url, lines, clock }) => {
        for (const path of ["/v1/completions", "/v1/embeddings"]) {
          const headers = { authorization: `Bearer ${KEY}` };
          const answer = await advancing(clock, post(url + path, ASK, { headers }));
          const { error } = await answer.json();
          assertEquals([answer.status, error.code], [502, 502]);
          assertStringIncludes(error.message, "the engines refuse the router's key");
        }
        // Asked again and again, it is told once.
        const { asked } = engine;
        await eventually(async () => {
          await clock.advance(1_000);
          return engine.asked >= asked + 3;
        });
        const told = lines.filter((line) => line.includes("VLLM_API_KEY"));
        assertEquals(told.length, 1, lines.join("\n"));
        assertStringIncludes(told[0] ?? "", `url=${engine.url} question=models status=${status}`);
        engine.key = apiKey;
        await eventually(async () => {
          await clock.advance(1_000);
          const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
          const answer = await advancing(clock, post(`${url}/v1/embeddings`, ASK, { headers }));
          await answer.text();
          return answer.status === 200;
        });
        assertEquals(lines.filter((line) => line.includes("VLLM_API_KEY")).length, 2);
      });
    });
  }
}

Deno.test("an engine that is not heard from is no engine that refuses a key", async () => {
  await using engine = startLocked();
  const silent = engineAt("http://127.0.0.1:9", "any");
  await withLocked([engineAt(engine.url, "any"), silent], {}, async ({ url, clock }) => {
    const answer = await advancing(clock, post(`${url}/v1/embeddings`, ASK));
    assertEquals(answer.status, 503);
    assertStringIncludes((await answer.json()).error.message, "not heard from yet");
  });
});

Deno.test("decode engines that refuse the router's key are told as that", async () => {
  await using prefill = startLocked();
  await using decode = startLocked();
  prefill.key = undefined;
  const engines = [engineAt(prefill.url, "prefill"), engineAt(decode.url, "decode")];
  await withLocked(engines, { handoff: { kind: "shared_storage" } }, async ({ url }) => {
    const answer = await post(`${url}/v1/completions`, ASK);
    assertEquals(answer.status, 502);
    assertStringIncludes(
      (await answer.json()).error.message,
      "the engines refuse the router's key",
    );
  });
});

Deno.test("what engines refuse of a client's own key is the client's to know", async () => {
  await using engine = startLocked();
  await withLocked([engineAt(engine.url, "any")], { apiKey: KEY }, async ({ url, lines }) => {
    for (const headers of [{}, { authorization: "Bearer other" }] as Record<string, string>[]) {
      const answer = await post(`${url}/v1/completions`, ASK, { headers });
      assertEquals([answer.status, await answer.json()], [401, { error: "Unauthorized" }]);
    }
    const answer = await post(`${url}/v1/completions`, ASK, {
      headers: { authorization: `Bearer ${KEY}` },
    });
    assertEquals([answer.status, await answer.json()], [200, {}]);
    assertEquals(lines.filter((line) => line.includes("VLLM_API_KEY")), []);
  });
});

Deno.test("with keys of its own, what engines refuse is the router's key on every way", async () => {
  for (const status of [401, 403]) {
    await using engine = startLocked(status);
    const doors = { keys: { given: [sha256("own")], open: [] } };
    const changes = { apiKey: "wrong", doors };
    const engines = [engineAt(engine.url, "any", { models: ["m"] })];
    await withLocked(engines, changes, async ({ url, lines }) => {
      for (const path of ["/v1/completions", "/v1/messages"]) {
        for (const stream of [false, true]) {
          const answer = await post(url + path, { ...ASK, stream }, {
            headers: { authorization: "Bearer own" },
          });
          const { error } = await answer.json();
          assertEquals([answer.status, error.message], [
            502,
            "The engines refuse the router's key",
          ]);
        }
      }
      const refused = await post(`${url}/v1/completions`, ASK);
      await refused.text();
      assertEquals(refused.status, 401);
      const told = lines.filter((line) => line.includes("question=direct"));
      assertEquals(told.length, 1, lines.join("\n"));
      assertStringIncludes(told[0] ?? "", "key=VLLM_API_KEY");
    });
  }
});

for (
  const [what, { form, exposeEngines }] of Object.entries({
    "a stream": { form: { stream: true }, exposeEngines: false },
    "a stream, engines exposed": { form: { stream: true }, exposeEngines: true },
    "a list's stream": { form: { prompt: ["a", "b"], stream: true }, exposeEngines: false },
    "an answer": { form: {}, exposeEngines: false },
  })
) {
  Deno.test(`with keys of its own, a decode engine that refuses the router's is told as that in ${what}`, async () => {
    const keys = { given: [sha256("own")], open: [] };
    const router = {
      doors: { keys },
      answers: { exposeEngines, allowedOrigins: [], rankLeg: "decode" as const },
    };
    const refused: Answer = () => Response.json({ error: "Unauthorized" }, { status: 401 });
    await using route = await startRoute("P1", refused, { router });
    const answer = await got(
      await post(`${route.router.url}/v1/completions`, { ...ASK, ...form }, {
        headers: { authorization: "Bearer own" },
      }),
    );
    assertEquals([answer.error?.["code"], answer.error?.["message"]], [
      502,
      "The engines refuse the router's key",
    ]);
    await route.quiet();
  });
}

Deno.test("with keys of its own, a tokenization that is refused for want of a key is told as that", async () => {
  const keys = { given: [sha256("own")], open: [] };
  const refused: Answer = () => Response.json({ error: "Forbidden" }, { status: 403 });
  await using route = await startRoute("P1", refused, {
    router: { doors: { keys } },
    tokenize: refused,
    prefill: refused,
  });
  const answer = await got(
    await post(`${route.router.url}/v1/completions`, ASK, {
      headers: { authorization: "Bearer own" },
    }),
  );
  assertEquals([answer.status, answer.error?.["code"]], [502, 502]);
  await route.quiet();
});
