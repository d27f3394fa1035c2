import { encodeUtf8 } from "../../lib/base/mod.ts";
import { decodeOn, type LegAsk, prefillOn, relayOn } from "../../lib/handoff/continued_leg.ts";
import { lmcache } from "../../lib/kv/lmcache.ts";
import { jsonOf } from "../disagg/support.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { jsonResponse } from "../support/fake_upstream.ts";
import {
  DECODE,
  handoffParts,
  KV_WAIT_MS,
  PAIR,
  type Parts,
  PREFILL,
  prefillAnswer,
  textRequest,
} from "./support.ts";

const GONE_ON = encodeUtf8("[11,12,13,91,92]");

function ask(parts: Parts, more: Partial<LegAsk> = {}): LegAsk {
  return {
    request: textRequest({ stream: true, max_tokens: 9 }),
    pair: PAIR,
    seats: undefined,
    protocol: lmcache,
    ids: GONE_ON,
    maxTokens: 7,
    gone: parts.client.signal,
    ...more,
  };
}

const TOLD = { kv_transfer_params: { first_tok: 93 } };
const NO_ROOM = { error: { message: "full", type: "RateLimitError", code: 429 } };

Deno.test("prefillOn() prefills the prompt and all of the answer so far, and tells the next token", async () => {
  const parts = handoffParts();
  const running = prefillOn(parts.deps, parts.context, ask(parts));
  const sent = parts.upstream.to(PREFILL.url);
  const { prompt, max_tokens: most } = Object(sent.body);
  assertEquals([prompt, most], [[11, 12, 13, 91, 92], 1]);
  sent.answer(jsonResponse(prefillAnswer(TOLD)));
  const end = await running;
  assert(end.kind === "prefilled");
  assertEquals([end.result.firstToken, parts.adopted.length], [93, 0]);
  end.custody.release();
  parts.assertQuiet();
});

Deno.test("prefillOn() has nothing reclaimed of a prefill that was refused, and goes around it", async () => {
  const parts = handoffParts();
  const running = prefillOn(parts.deps, parts.context, ask(parts));
  parts.upstream.to(PREFILL.url).answer(jsonResponse(NO_ROOM, 429));
  const exclude = [{ id: "p", why: "failed" }] as const;
  assertEquals(await running, { kind: "failed", error: undefined, exclude });
  assertEquals(parts.adopted, []);
  parts.assertQuiet();
});

Deno.test("prefillOn() leaves what a failed prefill may have moved to be reclaimed", async () => {
  const parts = handoffParts();
  const running = prefillOn(parts.deps, parts.context, ask(parts));
  parts.upstream.to(PREFILL.url).answer(jsonResponse({ error: { message: "boom" } }, 500));
  const end = await running;
  assert(end.kind === "failed");
  assertEquals([end.error?.code, end.exclude], ["prefill-failed", [
    { id: "p", why: "failed" },
    { id: "d", why: "tainted" },
  ]]);
  const [left, ...more] = parts.adopted;
  const body = await left?.body(undefined);
  assertEquals([more.length, body && Object(jsonOf(body)).prompt], [0, [11, 12, 13, 91, 92, 92]]);
  parts.assertQuiet();
});

Deno.test("prefillOn() lets a prefill end whose client has gone, and leaves its KV to be reclaimed", async () => {
  const parts = handoffParts();
  const running = prefillOn(parts.deps, parts.context, ask(parts));
  parts.client.controller.abort();
  assertEquals([await running, parts.adopted.length], [{ kind: "gone" }, 1]);
  const sent = parts.upstream.to(PREFILL.url);
  assertEquals(sent.aborted, false);
  sent.answer(jsonResponse(prefillAnswer(TOLD)));
  await settle();
  parts.assertQuiet();
});

Deno.test("decodeOn() goes around both engines where the KV does not come in time", async () => {
  const parts = handoffParts();
  const leg = ask(parts);
  const prefilling = prefillOn(parts.deps, parts.context, leg);
  parts.upstream.to(PREFILL.url).answer(jsonResponse(prefillAnswer(TOLD)));
  const prefilled = await prefilling;
  assert(prefilled.kind === "prefilled");
  const running = decodeOn(parts.deps, parts.context, leg, prefilled);
  await parts.clock.advance(KV_WAIT_MS);
  const end = await running;
  assert(end.kind === "failed");
  assertEquals([end.error?.code, end.exclude], ["kv-timeout", [
    { id: "p", why: "failed" },
    { id: "d", why: "failed" },
    { id: "d", why: "spoilt" },
  ]]);
  assertEquals([parts.adopted.length, parts.upstream.sent.length], [1, 1]);
  assertEquals(parts.fleet.ends, ["prefill ok", "decode failed kv-timeout"]);
  parts.assertQuiet();
});

Deno.test("relayOn() sends no decode behind a prefill that was refused", async () => {
  const parts = handoffParts();
  const running = relayOn(parts.deps, parts.context, ask(parts));
  const sent = parts.upstream.to(PREFILL.url);
  sent.answer(jsonResponse(NO_ROOM, 429));
  const exclude = [{ id: "p", why: "failed" }] as const;
  assertEquals(await running, { kind: "failed", error: undefined, exclude });
  assertEquals(parts.upstream.sent.filter(({ request }) => request.url === DECODE.url), []);
  assertEquals([parts.adopted, parts.fleet.ends], [[], ["prefill ok"]]);
  parts.assertQuiet();
});
