import { createHandler, faultAnswer } from "../../lib/http/mod.ts";
import { type ErrorCode, RouterError } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { engineOf, seriesOf } from "../support/flow_fakes.ts";
import {
  handedOn,
  type HttpChanges,
  type HttpSetting,
  httpSetting,
  requestTo,
  responding,
} from "../support/http_fakes.ts";
import { json, stream } from "../support/scripted_upstream.ts";

const ENGINES = [engineOf("a", "any")];
const BODY = { model: "m", prompt: "hi" };

interface Handling extends HttpSetting {
  send(path: string, body?: unknown, init?: RequestInit): Promise<Response>;
}

function handling(changes: HttpChanges = {}): Handling {
  const setting = httpSetting({ engines: ENGINES, ...changes });
  const respond = responding(setting.deps);
  return { ...setting, send: (path, body, init) => respond(requestTo(path, body, init)) };
}

async function outcomes({ metrics }: HttpSetting): Promise<Readonly<Record<string, number>>> {
  return await seriesOf(metrics, "pd_router_requests_total");
}

/** How often a histogram was observed, by route. */
async function observed({ metrics }: HttpSetting, name: string): Promise<readonly string[]> {
  const found = (await metrics.text()).matchAll(new RegExp(`^${name}_count\\{(.*)\\} (.*)$`, "gm"));
  return [...found].map(([, labels, count]) => `${labels} ${count}`);
}

function warnings({ lines }: HttpSetting): readonly Readonly<Record<string, unknown>>[] {
  return lines.filter(({ level }) => level === "warning" || level === "error");
}

Deno.test("createHandler() serves under the root path, and without it", async () => {
  const cases = [
    ["/health", 200, "/health"],
    ["/llm/health", 200, "/health"],
    ["/llm/llm/health", 404, "unknown"],
    ["/llmhealth", 404, "unknown"],
    ["/llm", 200, "/"],
    ["/llm/", 200, "/"],
  ] as const;
  for (const [path, status, endpoint] of cases) {
    await using setting = handling({ config: { rootPath: "/llm" } });
    assertEquals((await setting.send(path)).status, status, path);
    const outcome = status === 200 ? "ok" : "client_error";
    assertEquals(await outcomes(setting), {
      [`endpoint=${endpoint},route=none,outcome=${outcome}`]: 1,
    }, path);
  }
});

Deno.test("createHandler() has what needs models wait for the first round, and nothing else", async () => {
  const known = Promise.withResolvers<void>();
  let first: Promise<void> | undefined = known.promise;
  await using setting = handling({ firstRound: () => first });
  for (const path of ["/health", "/version", "/engines", "/metrics"]) {
    assertEquals((await setting.send(path)).status, 200, path);
  }
  assertEquals((await setting.send("/unknown")).status, 404);
  const done: string[] = [];
  const waiting = [["/v1/completions", BODY], ["/v1/models"], ["/v1/models/m"]].map(
    async ([path, body]) => {
      assertEquals((await setting.send(String(path), body)).status, 200);
      done.push(String(path));
    },
  );
  await settle();
  assertEquals([done, setting.upstream.sent.length], [[], 0]);
  first = undefined;
  known.resolve();
  await Promise.all(waiting);
  assertEquals(done.length, 3);
});

Deno.test("createHandler() refuses what would begin while the router stops", async () => {
  const known = Promise.withResolvers<void>();
  let draining = false;
  await using setting = handling({
    draining: () => draining,
    firstRound: () => draining ? undefined : known.promise,
  });
  // One that came before, and could not begin yet.
  const early = setting.send("/v1/completions", BODY);
  await settle();
  draining = true;
  known.resolve();
  for (const asked of [early, setting.send("/v1/completions", BODY)]) {
    const response = await asked;
    assertEquals(response.status, 503);
    assertStringIncludes((await response.json()).error.message, "The router is stopping");
  }
  assertEquals((await setting.send("/v1/models")).status, 200);
  assertEquals((await setting.send("/health")).status, 503);
  assertEquals(setting.upstream.sent, []);
  assertEquals(warnings(setting), []);
});

Deno.test("createHandler() counts a request once, when its last byte is out", async () => {
  const script = (): ReturnType<typeof stream> => stream("data: 1\n\n", "data: [DONE]\n\n");
  await using setting = handling({ script });
  const response = await setting.send("/v1/completions", { ...BODY, stream: true }, {
    headers: { "x-request-id": "abc" },
  });
  const reader = response.body?.getReader();
  await setting.clock.advance(1_000);
  await reader?.read();
  assertEquals(await outcomes(setting), {});
  assertEquals(await observed(setting, "pd_router_time_to_first_token_seconds"), [
    'route="direct" 1',
  ]);
  await reader?.read();
  assertEquals(setting.traced, []);
  assertEquals((await reader?.read())?.done, true);
  assertEquals(await outcomes(setting), {
    "endpoint=/v1/completions,route=direct,outcome=ok": 1,
  });
  assertEquals(await observed(setting, "pd_router_request_seconds"), ['route="direct" 1']);
  assertEquals(setting.traced, [["abc", "/v1/completions", "direct"]]);
  assertEquals(warnings(setting), []);
});

Deno.test("createHandler() counts a client that leaves once, and holds nothing against anyone", async () => {
  await using setting = handling({ script: () => stream("data: 1\n\n", new Promise(() => {})) });
  const response = await setting.send("/v1/completions", { ...BODY, stream: true });
  const reader = response.body?.getReader();
  await reader?.read();
  await reader?.cancel();
  assertEquals(await outcomes(setting), {
    "endpoint=/v1/completions,route=direct,outcome=client_gone": 1,
  });
  assertEquals([setting.upstream.open, setting.fleet.inflight], [0, 0]);
  assertEquals([setting.traced.length, warnings(setting)], [1, []]);
});

Deno.test("createHandler() takes no time of requests that no engine was asked for", async () => {
  await using setting = handling();
  await setting.send("/health");
  await setting.send("/v1/completions", { model: "x", prompt: "a" });
  assertEquals(await outcomes(setting), {
    "endpoint=/health,route=none,outcome=ok": 1,
    "endpoint=/v1/completions,route=none,outcome=client_error": 1,
  });
  assertEquals(await observed(setting, "pd_router_request_seconds"), []);
  assertEquals(setting.traced, []);
});

Deno.test("createHandler() leaves one line for a request that an engine has spoilt", async () => {
  const cases: readonly (readonly [code: ErrorCode, told: boolean])[] = [
    ["upstream-protocol", true],
    ["upstream-timeout", true],
    ["client-gone", false],
    ["shutting-down", false],
  ];
  for (const [code, told] of cases) {
    const cause = new Error("reset");
    const error = new RouterError(code, "It failed", { cause });
    await using setting = handling({ script: () => error });
    await setting.send("/v1/completions", BODY, { headers: { "x-request-id": "abc" } });
    assertEquals(
      warnings(setting),
      told
        ? [{
          level: "warning",
          message: "Request failed",
          request: "abc",
          path: "/v1/completions",
          route: "direct",
          outcome: "server_error",
          code,
          error: "It failed: reset",
        }]
        : [],
      code,
    );
  }
});

Deno.test("createHandler() leaves one line for a stream that breaks", async () => {
  const cut = new RouterError("upstream-protocol", "Cut");
  await using setting = handling({ script: () => stream("data: 1\n\ndata: {", cut) });
  const response = await setting.send("/v1/completions", { ...BODY, stream: true });
  assertEquals(await assertRejects(() => response.text(), RouterError), cut);
  assertEquals(warnings(setting).map(({ message, outcome, error }) => [message, outcome, error]), [
    ["Request failed", "stream_error", "Cut"],
  ]);
  assertEquals(await outcomes(setting), {
    "endpoint=/v1/completions,route=direct,outcome=stream_error": 1,
  });
});

Deno.test("createHandler() leaves no line for what is the client's", async () => {
  await using setting = handling({ script: () => json({ error: "no" }, 400) });
  const bodies = ["{", {}, { model: "x" }, BODY];
  for (const body of bodies) await setting.send("/v1/completions", body);
  await setting.send("/nowhere");
  assertEquals(warnings(setting), []);
});

Deno.test("createHandler() answers 500 to a fault of its own, told once with its stack", async () => {
  const fault = new TypeError("x is undefined");
  await using setting = handling({
    ailment: () => {
      throw fault;
    },
  });
  const response = await setting.send("/health");
  assertEquals(response.status, 500);
  const { error } = await response.json();
  assertEquals(error.message, "The router failed to handle this request");
  assert(response.headers.has("x-request-id"));
  assertEquals(warnings(setting), [
    { level: "error", message: "Request failed", error: fault.message, stack: fault.stack },
  ]);
  assertEquals(await outcomes(setting), {
    "endpoint=/health,route=none,outcome=server_error": 1,
  });
});

Deno.test("createHandler() counts an answer that no response can carry, and gives it back", async () => {
  const type = ["content-type", "application/json"] as const;
  const odd = { ...json({}), headers: [type, ["x-odd", "\u0100"]] } as const;
  await using setting = handling({ script: () => odd });
  const response = await setting.send("/v1/completions", BODY);
  assertEquals(response.status, 500);
  assertEquals((await response.json()).error.type, "InternalServerError");
  assertEquals(await outcomes(setting), {
    "endpoint=/v1/completions,route=direct,outcome=server_error": 1,
  });
  assertEquals([setting.fleet.inflight, setting.upstream.open], [0, 0]);
  assertEquals(warnings(setting).map(({ level, message }) => [level, message]), [
    ["error", "Request failed"],
  ]);
});

Deno.test("faultAnswer() has an answer to what the handler itself could not answer", async () => {
  await using setting = httpSetting();
  const onFault = faultAnswer(setting.deps);
  const answer = onFault(new TypeError("x is undefined"));
  assertEquals([answer.status, answer.headers], [500, [["content-type", "application/json"]]]);
  assertEquals(warnings(setting).length, 1);
  const refused = onFault(new RouterError("method-not-allowed", "No", { allow: "GET" }));
  assertEquals([refused.status, refused.headers.at(-1)], [405, ["allow", "GET"]]);
});

Deno.test("createHandler() answers 400 to a target or a Host that is none", async () => {
  const request = handedOn(new Request("http://router/health"));
  const host = (text: string): typeof request => ({
    ...request,
    headers: {
      get: (name) => name === "host" ? text : undefined,
      *[Symbol.iterator]() {
        yield ["host", text] as const;
      },
    },
  });
  const odd = [{ ...request, target: "/a/../health" }, host("a b"), host("x/metrics?")];
  for (const asked of odd) {
    await using setting = httpSetting();
    const answer = await createHandler(setting.deps)(asked);
    assertEquals(answer.status, 400);
    assertEquals(await outcomes(setting), {
      "endpoint=unknown,route=none,outcome=client_error": 1,
    });
  }
});

Deno.test("createHandler() times answers by the engine that gave them, while that is told of", async () => {
  const [{ url: server } = { url: "" }] = ENGINES;
  await using setting = handling();
  const { metrics } = setting;
  const send = async (): Promise<void> =>
    void await (await setting.send("/v1/completions", BODY)).text();
  const name = "vllm:request_latency_seconds";
  // Nothing is told of it: it has gone, or was never there.
  await send();
  assertEquals(await observed(setting, name), []);
  metrics.add("pd_router_inflight_requests", { server, leg: "direct" }, 0);
  await send();
  const labels = `server="${server}",model="m"`;
  assertEquals(await observed(setting, name), [`${labels},status="success" 1`]);
  const failing = handling({ script: () => json({ error: "no" }, 500) });
  await using _failing = failing;
  failing.metrics.add("pd_router_inflight_requests", { server, leg: "direct" }, 0);
  await (await failing.send("/v1/completions", BODY)).text();
  assertEquals(await observed(failing, name), [`${labels},status="error" 1`]);
});
