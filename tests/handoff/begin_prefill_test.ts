import { encodeUtf8, Lease, RouterError } from "../../lib/base/mod.ts";
import { prefillBodyP1, reclaimBodyD1 } from "../../lib/disagg/mod.ts";
import { PairSeats, Seats, UNBOUNDED } from "../../lib/fleet/mod.ts";
import {
  type BeginAsk,
  beginPrefill,
  type BegunPrefill,
  reclaimBehind,
} from "../../lib/handoff/begin_prefill.ts";
import type { PrefillEnd } from "../../lib/handoff/prefill.ts";
import { lmcache } from "../../lib/kv/lmcache.ts";
import { jsonOf } from "../disagg/support.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { jsonResponse } from "../support/fake_upstream.ts";
import {
  DECODE,
  handoffParts,
  IDS,
  KV_ID,
  PAIR,
  type Parts,
  PREFILL,
  prefillAnswer,
  textRequest,
} from "./support.ts";

const REQUEST = textRequest();
const PROMPT = encodeUtf8(IDS);
const PARAMS = {
  ret_first_tok: true,
  disagg_spec: {
    req_id: KV_ID,
    receiver_host: "d",
    receiver_init_port: [7300],
    receiver_alloc_port: [7400],
  },
};

function begin(parts: Parts, change: Partial<BeginAsk> = {}): BegunPrefill {
  return beginPrefill(parts.deps, parts.context, {
    pair: PAIR,
    seats: undefined,
    protocol: lmcache,
    mode: "p1",
    send: (params) => ({ path: "/v1/completions", body: prefillBodyP1(REQUEST, PROMPT, params) }),
    decodePath: "/v1/completions",
    reclaim: async (leg) => reclaimBehind("m", PROMPT, await leg),
    ...change,
  });
}

const BUFFER = { bytes: 1_000, bytesPerToken: 2, chunkTokens: 4 };

Deno.test("beginPrefill() sends the prefill under what its transfer says", async () => {
  const parts = handoffParts();
  const { leg, custody } = begin(parts);
  const sent = parts.upstream.to(PREFILL.url);
  assertEquals(sent.request.path, "/v1/completions");
  assertEquals(Object(sent.body).kv_transfer_params, PARAMS);
  sent.answer(jsonResponse(prefillAnswer({ kv_transfer_params: { first_tok: 91 } })));
  assertEquals((await leg).kind, "ok");
  custody.release();
  assertEquals(parts.adopted, []);
  parts.assertQuiet();
});

Deno.test("beginPrefill() leaves KV that nobody reads to a request after the prefill's first token", async () => {
  const parts = handoffParts();
  const { leg, custody } = begin(parts);
  parts.upstream.to(PREFILL.url)
    .answer(jsonResponse(prefillAnswer({ kv_transfer_params: { first_tok: 91 } })));
  custody[Symbol.dispose]();
  const [left, ...more] = parts.adopted;
  assert(left !== undefined && more.length === 0, "one is left");
  assertEquals(
    [left.decode.id, left.path, left.headers, left.requestId],
    [DECODE.id, "/v1/completions", [["x-request-id", "r"]], "r"],
  );
  assertEquals(await left.prefill, await leg);
  const body = await left.body(undefined);
  assert(body !== undefined);
  assertEquals(jsonOf(body), {
    model: "m",
    prompt: [11, 12, 13, 91],
    max_tokens: 1,
    stream: false,
  });
  parts.assertQuiet();
});

Deno.test("beginPrefill() gives the params of a reclaiming request to who makes it", async () => {
  const parts = handoffParts();
  const { leg, custody } = begin(parts, {
    decodePath: "/v1/chat/completions",
    mode: "d1",
    reclaim: (_leg, params) => reclaimBodyD1(REQUEST, params),
  });
  parts.upstream.to(PREFILL.url).answer(jsonResponse(prefillAnswer()));
  await leg;
  custody[Symbol.dispose]();
  const [left] = parts.adopted;
  const body = await left?.body('{"a":1}');
  assertEquals(left?.path, "/v1/chat/completions");
  assertEquals(body && Object(jsonOf(body)).kv_transfer_params, { a: 1 });
});

Deno.test("beginPrefill() holds the place of the KV until it is read", async () => {
  const parts = handoffParts();
  const nixl = DECODE.nixl && { ...DECODE.nixl, buffer: BUFFER };
  const buffered = new Seats({ ...DECODE, ...(nixl && { nixl }) }, UNBOUNDED, () => {});
  using pair = new PairSeats(new Lease(() => {}), new Lease(() => {}), buffered.takeKv(3));
  const { leg, custody } = begin(parts, { seats: pair });
  pair[Symbol.dispose]();
  parts.upstream.to(PREFILL.url)
    .answer(jsonResponse(prefillAnswer({ kv_transfer_params: { first_tok: 91 } })));
  await leg;
  assertEquals(buffered.kvBytes, 8, "one chunk");
  custody.release();
  assertEquals(buffered.kvBytes, 0);
});

Deno.test("beginPrefill() sends nothing for a pair that its protocol cannot serve", () => {
  const parts = handoffParts();
  const { nixl: _nixl, ...decode } = DECODE;
  const error = assertThrows(
    () => begin(parts, { pair: { prefill: PREFILL, decode } }),
    RouterError,
  );
  assertEquals([error.code, parts.upstream.sent.length, parts.adopted.length], ["internal", 0, 0]);
  parts.assertQuiet();
});

const FAILED: PrefillEnd = {
  kind: "failed",
  error: new RouterError("prefill-failed", "Prefill failed"),
  sent: true,
  told: false,
};
const REFUSED: PrefillEnd = { kind: "refused", status: 400, headers: [], body: new Uint8Array() };

for (const end of [FAILED, REFUSED]) {
  Deno.test(`reclaimBehind() ends with the prompt's last id where the prefill is ${end.kind}`, () => {
    const body = reclaimBehind("m", PROMPT, end);
    assertEquals(body && Object(jsonOf(body)).prompt, [11, 12, 13, 13]);
  });
}

Deno.test("reclaimBehind() has no body for a prompt without ids", () => {
  assertEquals(reclaimBehind("m", encodeUtf8("[]"), FAILED), undefined);
});
