import { RouterError } from "../../lib/base/mod.ts";
import { type AskParts, lookAt } from "../../lib/doctor/look.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import {
  FakeResponse,
  FakeUpstream,
  jsonResponse,
  type SentRequest,
} from "../support/fake_upstream.ts";
import { engineOf } from "../support/flow_fakes.ts";

const ENGINE = engineOf("d", "decode", "nixl");

/** How an engine answers a path: with a response, or not at all. */
type Replies = Readonly<Record<string, FakeResponse | RouterError>>;

function partsOf(replies: Replies, clock = new FakeClock()): AskParts & { upstream: FakeUpstream } {
  const upstream = new FakeUpstream();
  upstream.script = (sent: SentRequest) => {
    const reply = replies[sent.request.path] ?? jsonResponse({ detail: "Not Found" }, 404);
    if (reply instanceof RouterError) sent.fail(reply);
    else sent.answer(reply);
  };
  const headers = [["authorization", "Bearer key"]] as const;
  return { clock, upstream, headers, timeoutMs: 1_000, signal: new AbortController().signal };
}

function text(body: string): FakeResponse {
  return new FakeResponse(200, [["content-type", "text/plain"]], [body]);
}

Deno.test("lookAt() reads models, version and metrics, with the router's key", async () => {
  const parts = partsOf({
    "/health": jsonResponse({}, 200, [["Date", "Thu, 01 Jan 1970 00:00:10 GMT"]]),
    "/v1/models": jsonResponse({ data: [{ id: "m", max_model_len: 10 }] }),
    "/version": jsonResponse({ version: "0.32.0" }),
    "/metrics": text(
      'vllm:cache_config_info{block_size="16",cache_dtype="auto"} 1\nvllm:nixl_num_x_total 0\n',
    ),
  });
  const { engine, skewMs = NaN, ...told } = await lookAt(ENGINE, parts);
  assertEquals(engine, ENGINE);
  assertEquals(told, {
    tookMs: 0,
    cards: [{ id: "m", max_model_len: 10 }],
    told: { blockSize: "16", cacheDtype: "auto", version: "0.32.0" },
    signs: { nixl: true, lmcache: false },
  });
  assertEquals(skewMs, 10_500 - parts.clock.unixMs());
  for (const { request } of parts.upstream.sent) {
    assertEquals(request.headers, [["authorization", "Bearer key"]]);
  }
});

Deno.test("lookAt() says why an engine is silent, and asks it nothing else", async () => {
  const refused = new RouterError("upstream-unreachable", "refused");
  const parts = partsOf({ "/health": refused });
  assertEquals((await lookAt(ENGINE, parts)).silent, "refused");
  assertEquals(parts.upstream.sent.length, 1);
  const ill = await lookAt(ENGINE, partsOf({ "/health": jsonResponse({}, 503) }));
  assertEquals(ill.silent, "GET /health was answered 503");
});

Deno.test("lookAt() leaves out what an engine does not tell, or tells in no shape it knows", async () => {
  const late = new RouterError("upstream-timeout", "late");
  for (const models of [text("<html>"), jsonResponse({ data: 1 }), jsonResponse({}, 401), late]) {
    const told = await lookAt(
      ENGINE,
      partsOf({ "/health": text(""), "/v1/models": models, "/version": text("[") }),
    );
    assertEquals(told, { engine: ENGINE, tookMs: 0, told: {} });
  }
});
