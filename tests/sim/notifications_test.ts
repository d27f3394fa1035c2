import { assertEquals, assertNotEquals } from "../support/assert.ts";
import type { SimEngine } from "../../lib/sim/mod.ts";
import { encodeText } from "../../lib/sim/tokenizer.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { eventually } from "../support/eventually.ts";
import {
  decodeLeg,
  Inbox,
  type Pair,
  PATH,
  prefillLeg,
  PROMPT,
  rightText,
  startPair,
} from "./pair.ts";
import { post, specFor, startEngine } from "./support.ts";

/** The prefill engine gets to know the decode engine, which ends, and another takes its ports. */
async function comeBack(pair: Pair): Promise<SimEngine> {
  const { decode, inbox } = pair;
  await prefillLeg(pair);
  await inbox.expect(1);
  const { initPorts, allocPorts } = decode;
  await decode.stop();
  return await startEngine({ role: "decode", initPorts, allocPorts });
}

Deno.test("with MLA one rank notifies and the decode engine hits all the same", async () => {
  await using pair = await startPair({ prefill: { mla: true }, decode: { mla: true } });
  const answer = await prefillLeg(pair);
  await pair.inbox.expect(1);
  await decodeLeg(pair, [...PROMPT, answer.kv_transfer_params.first_tok]);
  assertEquals(pair.prefill.stats().notificationsSent, 1);
  assertEquals(pair.decode.stats().externalHits, 1);
});

Deno.test("a chunk that is not full leaves no KV and no notification when it is not saved", async () => {
  await using pair = await startPair({
    prefill: { saveUnfullChunk: false },
    decode: { saveUnfullChunk: false },
  });
  await prefillLeg(pair, encodeText("short"), "short");
  const answer = await prefillLeg(pair, PROMPT, "long");
  assertEquals((await pair.inbox.expect(2)).map((each) => each.req_id), ["long", "long"]);
  const { json } = await decodeLeg(pair, [...PROMPT, answer.kv_transfer_params.first_tok]);
  assertEquals(answer.choices[0].text + json.choices[0].text, await rightText(pair));
  assertEquals([pair.decode.stats().externalHits, pair.decode.stats().heldKv], [1, 0]);
});

Deno.test("a prefill leg notifies again for every token and sample beyond the first", async () => {
  await using pair = await startPair({ ranks: 1 });
  await post(pair.prefill, PATH, {
    prompt: PROMPT,
    max_tokens: 3,
    n: 2,
    ignore_eos: true,
    kv_transfer_params: specFor(pair.decode, "r"),
  });
  await pair.inbox.expect(6);
});

Deno.test("a decode engine that is down costs the notification, not the answer", async () => {
  await using pair = await startPair({ ranks: 1 });
  await pair.decode.stop();
  await prefillLeg(pair);
  await eventually(() => pair.prefill.stats().transferFailures === 1, () => "the failure");
  assertEquals(pair.prefill.stats().notificationsSent, 0);
});

Deno.test("a decode engine that came back is out of reach of those that knew it", async () => {
  await using pair = await startPair({ ranks: 1 });
  await using back = await comeBack(pair);
  for (const failures of [1, 2]) {
    await prefillLeg(pair, PROMPT, `unheard ${failures}`);
    await eventually(() => pair.prefill.stats().transferFailures === failures, () => "a failure");
    // Pages were allocated and released again.
    await eventually(() => back.stats().heldKv === 0, () => "the release");
  }
  assertEquals(pair.prefill.stats().notificationsSent, 1);
  const spec = specFor(back, "r2");
  const elsewhere = { ...spec.disagg_spec, receiver_host: "localhost" };
  const body = { prompt: PROMPT, max_tokens: 1 };
  await post(pair.prefill, PATH, { ...body, kv_transfer_params: { disagg_spec: elsewhere } });
  await pair.inbox.expect(2);
  assertEquals(back.stats().heldKv, Math.ceil(PROMPT.length / 256));
});

Deno.test("POST /sim/reset makes a prefill engine forget the decode engines it knew", async () => {
  await using pair = await startPair({ ranks: 1 });
  await using back = await comeBack(pair);
  await post(pair.prefill, "/sim/reset", {});
  await prefillLeg(pair, PROMPT, "r2");
  await pair.inbox.expect(2);
  assertEquals(back.stats().heldKv, Math.ceil(PROMPT.length / 256));
});

Deno.test("a prefill engine that is new finds a decode engine that came back", async () => {
  await using pair = await startPair({ ranks: 1 });
  await using back = await comeBack(pair);
  const proxy = { proxyHost: "127.0.0.1", proxyPort: pair.inbox.port } as const;
  await using fresh = await startEngine({ role: "prefill", ...proxy });
  const kv_transfer_params = specFor(back, "r2");
  await post(fresh, PATH, { prompt: PROMPT, max_tokens: 1, kv_transfer_params });
  await pair.inbox.expect(2);
  assertEquals(back.stats().heldKv, Math.ceil(PROMPT.length / 256));
});

Deno.test("the notification leaves before the answer when so told", async () => {
  await using pair = await startPair({ prefill: { notify: "before" } });
  await prefillLeg(pair);
  assertEquals(pair.prefill.stats().notificationsSent, 2);
});

Deno.test("faults drop, double, spoil and misaddress notifications, so often as told", async () => {
  await using pair = await startPair({ ranks: 1 });
  const { faults } = pair.prefill;
  faults.dropNotification = 1;
  await prefillLeg(pair, PROMPT, "dropped");
  await eventually(() => pair.prefill.stats().notificationsDropped === 1);
  faults.duplicateNotification = 1;
  await prefillLeg(pair, PROMPT, "doubled");
  await pair.inbox.expect(2);
  faults.corruptNotification = 1;
  await prefillLeg(pair, PROMPT, "spoiled");
  await pair.inbox.expect(3);
  faults.misaddressNotification = 1;
  await prefillLeg(pair, PROMPT, "lost");
  await pair.inbox.expect(4);
  await prefillLeg(pair, PROMPT, "plain");
  const messages = await pair.inbox.expect(5);
  assertEquals(messages.slice(0, 3).map((each) => each.req_id ?? each), [
    "doubled",
    "doubled",
    "garbage",
  ]);
  assertNotEquals(messages[3].req_id, "lost");
  assertEquals(messages[4].req_id, "plain");
});

Deno.test("a notification leaves so long after the answer as told, and later by fault", async () => {
  using inbox = await Inbox.open();
  const clock = new FakeClock();
  const proxy = { proxyHost: "127.0.0.1", proxyPort: inbox.port } as const;
  await using decode = await startEngine({ role: "decode" }, clock);
  await using prefill = await startEngine({ role: "prefill", notify: 500, ...proxy }, clock);
  Object.assign(prefill.faults, { delayNotification: 1, notificationDelayMs: 300 });
  const kv_transfer_params = specFor(decode, "late");
  const { status } = await post(prefill, PATH, {
    prompt: PROMPT,
    max_tokens: 1,
    kv_transfer_params,
  });
  assertEquals(status, 200);
  await eventually(() => prefill.stats().chunksWritten > 0, () => "the transfer");
  await eventually(() => clock.pending === 1, () => "the delay");
  await clock.advance(500);
  await clock.advance(299);
  assertEquals(prefill.stats().notificationsSent, 0);
  await clock.advance(1);
  assertEquals((await inbox.expect(1)).map((each) => each.req_id), ["late"]);
});

Deno.test("an early notification comes while nothing has been computed", async () => {
  await using pair = await startPair({ ranks: 1, prefill: { ttftMs: 60_000 } });
  pair.prefill.faults.earlyNotification = true;
  const controller = new AbortController();
  const asked = post(pair.prefill, PATH, {
    prompt: PROMPT,
    max_tokens: 1,
    kv_transfer_params: specFor(pair.decode, "early"),
  }, { signal: controller.signal }).then(() => "answered", () => "aborted");
  await pair.inbox.expect(1);
  assertEquals(pair.decode.stats().heldKv, 0);
  controller.abort();
  assertEquals(await asked, "aborted");
  await eventually(() => pair.prefill.stats().aborted === 1);
  assertEquals(pair.prefill.stats().abortedBeforeFirstToken, 1);
  assertEquals(pair.prefill.stats().runningNow, 0);
});
