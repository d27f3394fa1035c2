import { createLogger, systemClock } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { MODEL, startCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { engineAt, post, startRouter } from "../support/router.ts";
import {
  type AskedRequest,
  type ScriptedEngine,
  startScripted,
} from "../support/scripted_engine.ts";
import { withPair } from "../support/scripted_pair.ts";

const ASK = { model: "m", prompt: "hi", max_tokens: 5 };
const HEADERS = { "x-request-id": "abc", "x-data-parallel-rank": "3" };
const UNIQUE = /^abc-[0-9a-f]{16}$/;

function idOf({ headers }: AskedRequest): string {
  return headers.get("x-request-id") ?? "";
}

function idsAt(...engines: readonly ScriptedEngine[]): readonly string[] {
  return engines.flatMap(({ asked }) => asked.map(idOf));
}

/** A prefill engine that fails `failures` times, and a decode engine, of a store that both use. */
async function withStore(
  changes: Parameters<typeof startRouter>[1] & { readonly failures?: number },
  run: (url: string, prefills: readonly ScriptedEngine[], decode: ScriptedEngine) => Promise<void>,
): Promise<void> {
  const { failures = 0, ...more } = changes;
  let left = failures;
  const answer = (): Response => {
    if (left-- > 0) return new Response("broken", { status: 500 });
    return Response.json({ id: "x", choices: [{ index: 0, text: "a", finish_reason: "length" }] });
  };
  await using stack = new AsyncDisposableStack();
  const prefills = [1, 2].map(() => stack.use(startScripted(answer)));
  const decode = stack.use(startScripted(() => Response.json({ choices: [] })));
  const engines = [
    ...prefills.map((engine) => engineAt(engine.url, "prefill")),
    engineAt(decode.url, "decode"),
  ];
  await using router = await startRouter(engines, { handoff: { kind: "shared_storage" }, ...more });
  await run(router.url, prefills, decode);
}

Deno.test("requests of two clients with one id at once are two to engines, and each sees its own", async () => {
  await using engine = startScripted(() => Response.json({}));
  await using router = await startRouter([engineAt(engine.url, "any")]);
  const answers = await Promise.all(
    Array.from(
      { length: 8 },
      () => post(`${router.url}/v1/completions`, ASK, { headers: { "x-request-id": "abc" } }),
    ),
  );
  for (const answer of answers) {
    await answer.text();
    assertEquals(answer.headers.get("x-request-id"), "abc");
  }
  const ids = idsAt(engine);
  for (const id of ids) assertMatch(id, UNIQUE);
  assertEquals([ids.length, new Set(ids).size], [8, 8]);
});

Deno.test("both legs of an attempt have one id, and the next attempt has another", async () => {
  await withStore({ failures: 1 }, async (url, prefills, decode) => {
    const answer = await post(`${url}/v1/completions`, ASK, { headers: HEADERS });
    assertEquals([answer.status, answer.headers.get("x-request-id")], [200, "abc"]);
    await answer.text();
    const [first = "", second = ""] = idsAt(...prefills);
    const all = [first, second, ...idsAt(decode)];
    for (const id of all) assertMatch(id, UNIQUE);
    assertEquals([all.length, new Set(all).size], [3, 2]);
  });
});

Deno.test("what reclaims KV has an id of its own: the leg it stands in for may still run", async () => {
  let legs = 0;
  await withPair({
    decode: ({ text }) => {
      const isLeg = JSON.parse(text).stream === true;
      return isLeg && legs++ === 0 ? new Response("broken", { status: 500 }) : Response.json({});
    },
  }, async ({ router, decode, drains }) => {
    await (await post(`${router.url}/v1/completions`, ASK, { headers: HEADERS })).text();
    await eventually(() => drains().length > 0, () => "a drain");
    const ids = idsAt(decode);
    for (const id of ids) assertMatch(id, /^abc(-[0-9a-f]{16}){1,2}$/);
    assertEquals([ids.length > 1, new Set(ids).size], [true, ids.length]);
  });
});

Deno.test("an id in characters of all kinds is plain and bounded to engines, and the client's own to it", async () => {
  await using engine = startScripted(() => Response.json({}));
  await using router = await startRouter([engineAt(engine.url, "any")]);
  for (const id of ["a b,c", "x".repeat(500), '{"a":1}', "../..", "a;b=c"]) {
    const answer = await post(`${router.url}/v1/embeddings`, ASK, {
      headers: { "x-request-id": id },
    });
    await answer.text();
    assertEquals(answer.headers.get("x-request-id"), id);
    assertMatch(idsAt(engine).at(-1) ?? "", /^[\w.:-]{1,128}-[0-9a-f]{16}$/);
  }
});

Deno.test("the log has the client's id", async () => {
  const lines: string[] = [];
  const log_ = createLogger(systemClock(), (line) => lines.push(line), {
    level: "info",
    format: "text",
  });
  await withStore({ log_ }, async (url) => {
    await (await post(`${url}/v1/completions`, ASK, { headers: HEADERS })).text();
  });
  const routed = lines.filter((line) => line.includes("Routing request"));
  assertEquals(routed.length, 2);
  for (const line of routed) {
    assertStringIncludes(line, "Routing request abc with session id None to ");
  }
});

Deno.test("bodies that the router makes have the client's id, in mode P1 and for lists of prompts", async () => {
  await using cluster = await startCluster();
  const url = `${cluster.url}/v1/completions`;
  const ask = { model: MODEL, prompt: "Tell me about the river.", max_tokens: 4 };
  for (const prompt of [ask.prompt, ["one", "two"]]) {
    const headers = { "x-request-id": "abc" };
    const whole = await (await post(url, { ...ask, prompt }, { headers })).json();
    assertEquals(whole.id, "cmpl-abc");
    const streamed = await (await post(url, { ...ask, prompt, stream: true }, { headers })).text();
    const ids = [...streamed.matchAll(/"id":"([^"]*)"/g)].map(([, id]) => id);
    assert(ids.length > 2);
    assertEquals(new Set(ids), new Set(["cmpl-abc"]));
  }
  await cluster.quiet();
});

for (const rankLeg of ["decode", "prefill", "both"] as const) {
  Deno.test(`a client's data-parallel rank goes to the leg it is meant for: ${rankLeg}`, async () => {
    const answers = { exposeEngines: true, allowedOrigins: [], rankLeg };
    await withStore({ answers }, async (url, prefills, decode) => {
      const ranked = (...engines: readonly ScriptedEngine[]): number =>
        engines.flatMap(({ asked }) => asked)
          .filter(({ headers }) => headers.get("x-data-parallel-rank") === "3").length;
      const ask = async (body: unknown, headers: Record<string, string>): Promise<void> => {
        await (await post(`${url}/v1/completions`, body, { headers })).text();
      };
      await ask(ASK, HEADERS);
      const legs = [rankLeg === "decode" ? 0 : 1, rankLeg === "prefill" ? 0 : 1];
      assertEquals([ranked(...prefills), ranked(decode)], legs);
      // Nothing is made up for a client that names none.
      await ask(ASK, { "x-request-id": "abc" });
      assertEquals([ranked(...prefills), ranked(decode)], legs);
      // Without a handoff there is one engine that it can be meant for.
      await ask({ ...ASK, suffix: "x" }, HEADERS);
      assertEquals([ranked(...prefills), ranked(decode)], [legs[0], (legs[1] ?? 0) + 1]);
    });
  });
}
