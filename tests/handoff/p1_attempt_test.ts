import { concatBytes, decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import type { DirectReason, TextRequest } from "../../lib/disagg/mod.ts";
import { type AttemptEnd, attemptP1 } from "../../lib/handoff/mod.ts";
import type { KnownPrompt, P1Prompt, ToldPrompt } from "../../lib/handoff/prompt.ts";
import { lmcache } from "../../lib/kv/lmcache.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { eventResponse, jsonResponse, type SentRequest } from "../support/fake_upstream.ts";
import { data, event, usageEvent } from "../support/scripted_pair.ts";
import { bodyOf, sourceOf } from "./relay_support.ts";
import {
  DECODE,
  handoffParts,
  IDS,
  KV_ID,
  KV_WAIT_MS,
  PAIR,
  type Parts,
  type PartsChanges,
  PREFILL,
  prefillAnswer,
  textRequest,
  TOKENIZER,
} from "./support.ts";

const KNOWN: KnownPrompt = { kind: "known", ids: encodeUtf8(IDS), maxTokens: 5 };

/** A prompt of which the prefill's answer tells nothing but `settled`. */
function toldAs(settled: Awaited<ReturnType<ToldPrompt["settle"]>>): ToldPrompt {
  return {
    kind: "told",
    settle: () => Promise.resolve(settled),
    idsToReclaim: () => Promise.resolve(encodeUtf8("[7,8]")),
  };
}

interface Changes extends PartsChanges {
  readonly request?: TextRequest;
  readonly prompt?: P1Prompt;
}

interface Attempt {
  readonly parts: Parts;
  readonly end: Promise<AttemptEnd>;
  readonly prefill: () => SentRequest;
  readonly decode: () => SentRequest;
  readonly land: () => Promise<void>;
}

function attempt(changes: Changes = {}): Attempt {
  const parts = handoffParts(changes);
  const { request = textRequest({ stream: true }), prompt = KNOWN } = changes;
  const end = attemptP1(parts.deps, parts.context, { request, pair: PAIR, prompt }, lmcache);
  // Some tests look at it after it has rejected.
  end.catch(() => {});
  return {
    parts,
    end,
    prefill: () => parts.upstream.to(PREFILL.url),
    decode: () => parts.upstream.to(DECODE.url),
    land: async () => {
      parts.board.accept({ kind: "kv-ready", reqId: KV_ID });
      await settle();
    },
  };
}

const FIRST = { kv_transfer_params: { first_tok: 91 } };
const REST = [
  event(" two", { finish_reason: "length" }),
  usageEvent(4, 1),
  data("[DONE]"),
];
const WHOLE = textRequest();

/** An attempt whose prefill has answered. */
async function prefilled(changes: Changes = {}, choice = {}): Promise<Attempt> {
  const made = attempt(changes);
  made.prefill().answer(jsonResponse(prefillAnswer(FIRST, choice)));
  await settle();
  return made;
}

/** What the KV of the only transfer that was left is read with. */
async function reclaimOf({ adopted }: Parts): Promise<unknown> {
  assertEquals(adopted.length, 1);
  const body = await adopted[0]?.body(undefined);
  return body && JSON.parse(decodeUtf8(concatBytes(body)));
}

Deno.test("attemptP1() streams the first token before the KV lands, and the rest behind it", async () => {
  const { parts, end, decode, land } = await prefilled();
  const source = sourceOf(await end);
  assertStringIncludes(decodeUtf8(await source.read() ?? new Uint8Array(0)), '"text":" one"');
  assertEquals(parts.upstream.sent.length, 1, "the decode engine is asked when the KV is there");
  await land();
  assertEquals(decode().body, {
    model: "m",
    prompt: [11, 12, 13, 91],
    max_tokens: 4,
    stream: true,
    stream_options: { include_usage: true },
  });
  decode().answer(eventResponse(REST));
  const rest = await bodyOf(await end);
  assertStringIncludes(rest, '"text":" two"');
  assert(rest.endsWith(data("[DONE]")));
  await parts.deps.background.idle();
  assertEquals([parts.fleet.ends, parts.adopted.length], [["prefill ok", "decode ok"], 0]);
  parts.assertQuiet();
});

Deno.test("attemptP1() lets the prefill of a client that has gone end, and has its KV released", async () => {
  const rows: readonly (readonly [P1Prompt, unknown])[] = [
    [KNOWN, [11, 12, 13, 91]],
    [toldAs({ kind: "direct", reason: "prompt_unknown" }), [7, 8, 91]],
  ];
  for (const [prompt, ids] of rows) {
    const { parts, end, prefill } = attempt({ prompt });
    await settle();
    parts.client.controller.abort();
    assertEquals((await assertRejects(() => end, RouterError)).code, "client-gone");
    assertEquals(prefill().aborted, false);
    prefill().answer(jsonResponse(prefillAnswer(FIRST)));
    const released = { model: "m", prompt: ids, max_tokens: 1, stream: false };
    assertEquals(await reclaimOf(parts), released);
    assertEquals([parts.upstream.sent.length, parts.fleet.ends], [1, ["prefill ok"]]);
    parts.assertQuiet();
  }
});

Deno.test("attemptP1() has the KV of a failed prefill read without its first token", async () => {
  const { parts, end, prefill } = attempt();
  prefill().answer(jsonResponse({}, 500));
  const retry = await end;
  assertEquals(retry.kind === "retry" && retry.reason, "prefill_failed");
  const released = { model: "m", prompt: [11, 12, 13, 13], max_tokens: 1, stream: false };
  assertEquals(await reclaimOf(parts), released, "a token that is in every vocabulary");
  parts.assertQuiet();
});

Deno.test("attemptP1() gives a refusal of the prefill's where the client's own request was refused", async () => {
  const chat = textRequest({ logprobs: true }, "chat");
  const told = toldAs({ kind: "direct", reason: "prompt_unknown" });
  const rows: readonly (readonly [Changes, string])[] = [
    [{}, "answer"],
    [{ request: chat }, "prefill_refused"],
    [{ prompt: told }, "prefill_refused"],
  ];
  for (const [changes, expected] of rows) {
    const { parts, end, prefill } = attempt(changes);
    prefill().answer(jsonResponse({ error: "too odd" }, 400));
    const refused = await end;
    assertEquals(refused.kind === "direct" ? refused.reason : refused.kind, expected);
    assertEquals([parts.adopted.length, parts.upstream.sent.length], [0, 1]);
    parts.assertQuiet();
  }
});

Deno.test("attemptP1() ends with the prefill where its token is the last, and has the KV released", async () => {
  const rows: readonly (readonly [Changes, Record<string, unknown>])[] = [
    [{}, { finish_reason: "stop" }],
    [{ prompt: { ...KNOWN, maxTokens: 1 } }, {}],
  ];
  for (const [changes, choice] of rows) {
    const { parts, end } = await prefilled(changes, choice);
    assertStringIncludes(await bodyOf(await end), '"text":" one"');
    assertEquals([parts.adopted.length, parts.upstream.sent.length], [1, 1]);
    assertEquals(parts.fleet.ends, ["prefill ok"]);
    parts.assertQuiet();
  }
});

Deno.test("attemptP1() leaves to one engine what it cannot go on with, its KV apart", async () => {
  const silent = { ...TOKENIZER, detokenize: () => Promise.resolve(undefined) };
  const rows: readonly (readonly [Changes, Record<string, unknown>, DirectReason])[] = [
    [{ prompt: toldAs({ kind: "direct", reason: "context_length" }) }, {}, "context_length"],
    [{ tokenizer: silent }, { text: "" }, "detokenize_unavailable"],
  ];
  for (const [changes, choice, reason] of rows) {
    const { parts, end } = await prefilled(changes, choice);
    assertEquals(await end, { kind: "direct", reason, moved: true });
    assertEquals([parts.adopted.length, parts.fleet.ends], [1, ["prefill ok"]]);
    parts.assertQuiet();
  }
});

Deno.test("attemptP1() goes around the decode engine that holds KV of nobody, too", async () => {
  const error = new RouterError("tokenize-failed", "no");
  const exclude = [{ id: "p", why: "failed" }] as const;
  const retry = { kind: "retry", reason: "tokenize_failed", error, exclude } as const;
  const { parts, end } = await prefilled({ prompt: toldAs(retry) });
  assertEquals(await end, { ...retry, exclude: [...exclude, { id: "d", why: "tainted" }] });
  assertEquals(parts.adopted.length, 1);
  parts.assertQuiet();
});

Deno.test("attemptP1() leaves KV to be released when the client goes while it is awaited", async () => {
  for (const request of [WHOLE, textRequest({ stream: true })]) {
    const { parts, end } = await prefilled({ request });
    if (request.stream) await end;
    parts.client.controller.abort();
    if (request.stream) assertEquals(await bodyOf(await end), "");
    else assertEquals((await assertRejects(() => end, RouterError)).code, "client-gone");
    await parts.deps.background.idle();
    assertEquals([parts.upstream.sent.length, parts.adopted.length], [1, 1]);
    assertEquals(parts.fleet.ends, ["prefill ok", "decode left"]);
    parts.assertQuiet();
  }
});

Deno.test("attemptP1() has the KV read when the client goes while the decode opens", async () => {
  for (const request of [WHOLE, textRequest({ stream: true })]) {
    const { parts, end, decode, land } = await prefilled({ request });
    await land();
    parts.client.controller.abort();
    await settle();
    if (!request.stream) await assertRejects(() => end, RouterError);
    assertEquals(decode().aborted, false);
    const response = decode().answer(eventResponse());
    response.send(event(" two"));
    await parts.deps.background.idle();
    assertEquals([response.state, parts.adopted.length], ["closed", 0]);
    assertEquals(parts.fleet.ends, ["prefill ok", "decode left"]);
    parts.assertQuiet();
  }
});

Deno.test("attemptP1() ends the decode when the client goes while a whole answer is read", async () => {
  const { parts, end, decode, land } = await prefilled({ request: WHOLE });
  await land();
  const response = decode().answer(eventResponse());
  response.send(event(" two"));
  await settle();
  parts.client.controller.abort();
  assertEquals((await assertRejects(() => end, RouterError)).code, "client-gone");
  assertEquals([response.state, parts.fleet.ends], ["closed", ["prefill ok", "decode left"]]);
  parts.assertQuiet();
});

const WHOLE_ENDS: readonly (readonly [
  name: string,
  act: (made: Attempt) => Promise<void>,
  expected: string,
  adopted: number,
  flight: string,
])[] = [
  [
    "does not get its KV",
    ({ parts }) => parts.clock.advance(KV_WAIT_MS),
    "retry kv_timeout",
    1,
    "decode failed kv-timeout",
  ],
  [
    "is refused",
    async ({ land, decode }) => {
      await land();
      decode().answer(jsonResponse({ error: "odd" }, 400));
    },
    "direct decode_refused",
    1,
    "decode failed decode-failed",
  ],
  [
    "fails",
    async ({ land, decode }) => {
      await land();
      decode().answer(jsonResponse({ error: "odd" }, 500));
    },
    "retry decode_failed",
    1,
    "decode failed decode-failed",
  ],
  [
    "breaks",
    async ({ land, decode }) => {
      await land();
      decode().answer(eventResponse([event(" two")]));
    },
    "retry decode_failed",
    0,
    "decode failed decode-failed",
  ],
  [
    "answers",
    async ({ land, decode }) => {
      await land();
      decode().answer(eventResponse(REST));
    },
    "answer",
    0,
    "decode ok",
  ],
];

for (const [name, act, expected, adopted, flight] of WHOLE_ENDS) {
  Deno.test(`attemptP1() ends an answer that is not streamed whose decode leg ${name}`, async () => {
    const made = await prefilled({ request: WHOLE });
    await act(made);
    const end = await made.end;
    assertEquals(end.kind === "answer" ? end.kind : `${end.kind} ${end.reason}`, expected);
    await made.parts.deps.background.idle();
    assertEquals(made.parts.adopted.length, adopted);
    assertEquals(made.parts.fleet.ends, ["prefill ok", flight]);
    made.parts.assertQuiet();
  });
}

const REFUSED = { error: { message: "too odd", type: "BadRequestError", param: null, code: 400 } };

Deno.test("attemptP1() gives the client what is refused in the stream, and has the KV released", async () => {
  const { parts, end, decode, land } = await prefilled({ request: WHOLE });
  await land();
  decode().answer(eventResponse([data(REFUSED), data("[DONE]")]));
  const refused = await end;
  assert(refused.kind === "answer" && refused.answer.body instanceof Uint8Array);
  assertEquals([refused.answer.status, JSON.parse(decodeUtf8(refused.answer.body))], [
    400,
    REFUSED,
  ]);
  assertEquals(parts.fleet.ends, ["prefill ok", "decode ok"], "no fault of the engine's");
  assertEquals(await reclaimOf(parts), {
    model: "m",
    prompt: [11, 12, 13, 91],
    max_tokens: 1,
    stream: false,
  });
  parts.assertQuiet();
});

for (const answer of [data(REFUSED), undefined]) {
  const by = answer === undefined ? "status" : "event";
  Deno.test(`attemptP1() tells with its status what is refused behind the first token, by ${by}`, async () => {
    const { parts, end, decode, land } = await prefilled();
    const source = sourceOf(await end);
    await source.read();
    await land();
    decode().answer(answer === undefined ? jsonResponse(REFUSED, 400) : eventResponse([answer]));
    const told = decodeUtf8(await source.read() ?? new Uint8Array(0));
    assertEquals(told, data(REFUSED), "the engine's own words");
    assertEquals(await source.read(), undefined);
    assertEquals([source.failure?.code, parts.adopted.length], ["decode-failed", 1]);
    parts.assertQuiet();
  });
}

for (const status of [429, 503]) {
  Deno.test(`attemptP1() goes around engines without room, ${status}`, async () => {
    const full = jsonResponse({ error: "full" }, status, [["retry-after", "3"]]);
    const first = attempt({ request: WHOLE });
    first.prefill().answer(full);
    const refused = await first.end;
    assert(refused.kind === "retry");
    assertEquals([refused.reason, refused.error.refusal?.status], ["prefill_failed", status]);
    const { end, decode, land, parts } = await prefilled({ request: WHOLE });
    await land();
    decode().answer(jsonResponse({ error: "full" }, status));
    const decoded = await end;
    assert(decoded.kind === "retry");
    assertEquals([decoded.reason, decoded.error.refusal?.status], ["decode_failed", status]);
    assertEquals([decoded.exclude, parts.adopted.length], [[{ id: "d", why: "failed" }], 1]);
    parts.assertQuiet();
  });
}

Deno.test("attemptP1() ends a decode engine that does not end its whole answer", async () => {
  const { parts, end, decode, land } = await prefilled({ request: WHOLE });
  await land();
  const response = decode().answer(eventResponse());
  for (let sent = 0; sent < 100; sent++) response.send(event(" a"));
  const failed = await end;
  assert(failed.kind === "retry");
  assertStringIncludes(failed.error.message, "goes on beyond the 4 tokens");
  assertEquals([response.state, parts.fleet.ends.at(-1)], [
    "closed",
    "decode failed decode-failed",
  ]);
  parts.assertQuiet();
});
