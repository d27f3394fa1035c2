import { decodeUtf8, RouterError } from "../../lib/base/mod.ts";
import type { AttemptEnd } from "../../lib/handoff/mod.ts";
import type { KvNews, KvProtocol, Landing } from "../../lib/kv/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { eventResponse, FakeResponse, jsonResponse } from "../support/fake_upstream.ts";
import { event } from "../support/scripted_pair.ts";
import { together, TOGETHER_DECODE, TOGETHER_PREFILL } from "../support/together_protocol.ts";
import { type Attempt, attempt, bodyOf, decoded, prefilled, sourceOf } from "./relay_support.ts";
import { DECODE, PREFILL } from "./support.ts";

/** How long a leg whose client has gone may take behind the prefill. */
const LEAVE_MS = 10_000;

/** The stream as the client gets it. */
const CORRECTED = decoded(2).join("");

Deno.test("attemptRelay() sends both legs before either is answered", async () => {
  const { parts, end, prefill, decode } = attempt(together);
  const asked = { model: "m", prompt: "hi" };
  assertEquals(prefill().body, {
    ...asked,
    max_tokens: 1,
    stream: false,
    kv_transfer_params: TOGETHER_PREFILL,
  });
  assertEquals(decode().body, {
    ...asked,
    max_tokens: 5,
    stream: true,
    kv_transfer_params: TOGETHER_DECODE,
  });
  const ids = [prefill(), decode()].map(({ request }) => request.headers);
  assertEquals(ids, [[["x-request-id", "r"]], [["x-request-id", "r"]]], "one id for both");
  assertEquals([prefill().request.replayable, decode().request.replayable], [false, false]);
  assertEquals(parts.steps(), [`prefill-sent ${PREFILL.url}`, `decode-sent ${DECODE.url}`]);
  prefill().answer(prefilled());
  decode().answer(eventResponse(decoded(3)));
  assertEquals(await bodyOf(await end), CORRECTED);
  assertEquals([parts.fleet.ends, parts.adopted.length], [["prefill ok", "decode ok"], 0]);
  parts.assertQuiet();
});

Deno.test("attemptRelay() asks for the decode leg's parameters once, and waits for no news", async () => {
  const asked: (KvNews | undefined)[] = [];
  let disposed = 0;
  const landed: Landing = {
    wait: () => new Promise(() => {}),
    received: () => 0,
    cancelled: false,
    [Symbol.dispose]: () => void disposed++,
  };
  const protocol: KvProtocol = {
    ...together,
    begin: (deps, ask) => ({
      ...together.begin(deps, ask),
      landed,
      decodeParams: (news) => void asked.push(news),
    }),
  };
  const { parts, end, prefill, decode } = attempt(protocol);
  decode().answer(eventResponse(decoded(3)));
  prefill().answer(prefilled());
  assertEquals(await bodyOf(await end), CORRECTED);
  assertEquals([asked, disposed], [[undefined], 1]);
  parts.assertQuiet();
});

Deno.test("attemptRelay() gives a refusal of the prefill, and ends the decode that waits for it", async () => {
  for (const headed of [false, true]) {
    const { parts, end, prefill, decode } = attempt(together);
    const response = eventResponse();
    if (headed) decode().answer(response);
    await settle();
    prefill().answer(jsonResponse({ error: "too long" }, 400));
    const refused = await end;
    assertEquals(refused.kind === "answer" && refused.answer.status, 400);
    assertEquals(await bodyOf(refused), '{"error":"too long"}');
    assertEquals(decode().aborted, true);
    if (headed) assertEquals(response.state, "closed");
    assertEquals(parts.fleet.ends, ["prefill ok", "decode left"]);
    assertEquals((await parts.adopted[0]?.prefill)?.kind, "refused", "nothing has moved");
    assertEquals(parts.adopted.length, 1);
    parts.assertQuiet();
  }
});

Deno.test("attemptRelay() leaves to one engine what was refused relaxed, its decode ended", async () => {
  const { parts, end, prefill, decode } = attempt(together, {
    request: { tool_choice: "required" },
  });
  prefill().answer(jsonResponse({ error: "no tools here" }, 400));
  assertEquals(await end, { kind: "direct", reason: "tools" });
  assertEquals(decode().aborted, true);
  parts.assertQuiet();
});

Deno.test("attemptRelay() goes around a prefill engine that fails, and ends the decode", async () => {
  const failures: readonly (readonly [FakeResponse | RouterError, readonly string[]])[] = [
    [new RouterError("upstream-unreachable", "no"), ["p failed"]],
    [new RouterError("upstream-timeout", "no"), ["p failed", "d tainted"]],
    [jsonResponse({}, 500), ["p failed", "d tainted"]],
    [jsonResponse({ choices: [{ finish_reason: "error" }] }), ["p failed", "d tainted"]],
  ];
  for (const [how, exclude] of failures) {
    const { parts, end, prefill, decode } = attempt(together);
    if (how instanceof FakeResponse) prefill().answer(how);
    else prefill().fail(how);
    const retry = await end;
    assert(retry.kind === "retry");
    assertEquals(retry.reason, "prefill_failed");
    assertEquals(retry.exclude.map(({ id, why }) => `${id} ${why}`), exclude);
    assertEquals([decode().aborted, parts.adopted.length], [true, 1]);
    assertEquals(parts.fleet.ends, [`prefill failed ${retry.error.code}`, "decode left"]);
    parts.assertQuiet();
  }
});

Deno.test("attemptRelay() goes around engines whose decode fails first, and lets the prefill end", async () => {
  const { parts, end, prefill, decode } = attempt(together);
  decode().answer(jsonResponse({ error: "no KV" }, 500));
  const retry = await end;
  assert(retry.kind === "retry");
  assertEquals([retry.reason, retry.exclude.map(({ id }) => id)], ["decode_failed", ["d", "p"]]);
  assertEquals([prefill().aborted, parts.adopted.length], [false, 1]);
  assertEquals([parts.fleet.inflight, parts.deps.background.size], [1, 1], "looked after");
  prefill().answer(prefilled());
  await parts.deps.background.idle();
  assertEquals(parts.fleet.ends, ["decode failed decode-failed", "prefill ok"]);
  parts.assertQuiet();
});

Deno.test("attemptRelay() gives a refusal of the decode engine, and lets the prefill end", async () => {
  const { parts, end, prefill, decode } = attempt(together);
  decode().answer(jsonResponse({ error: "too odd" }, 422));
  const refused = await end;
  assertEquals(refused.kind === "answer" && refused.answer.status, 422);
  assertEquals([prefill().aborted, parts.adopted.length], [false, 1]);
  prefill().answer(jsonResponse({ error: "too odd" }, 422));
  await parts.deps.background.idle();
  assertEquals(parts.fleet.ends, ["decode ok", "prefill ok"]);
  parts.assertQuiet();
});

Deno.test("attemptRelay() tells of the prefill when both legs fail at once", async () => {
  const { parts, end, prefill, decode } = attempt(together);
  prefill().answer(jsonResponse({}, 500));
  decode().answer(jsonResponse({}, 500));
  const retry = await end;
  assertEquals(retry.kind === "retry" && retry.reason, "prefill_failed");
  assertEquals(parts.adopted.length, 1);
  parts.assertQuiet();
});

Deno.test("attemptRelay() takes no harm from a prefill that fails when the decode has its KV", async () => {
  const { parts, end, prefill, decode } = attempt(together);
  const response = decode().answer(eventResponse());
  const [first = "", ...rest] = decoded(3);
  response.send(first);
  const source = sourceOf(await end);
  assertEquals(decodeUtf8(await source.read() ?? new Uint8Array(0)), first);
  prefill().answer(jsonResponse({}, 500));
  await parts.deps.background.idle();
  assertEquals([decode().aborted, response.state], [false, "open"]);
  response.send(...rest);
  response.end();
  assertEquals(await bodyOf(await end), rest.join(""), "no count is known but the decode's");
  assertEquals(parts.fleet.ends, ["prefill failed prefill-failed", "decode ok"]);
  assertEquals(parts.adopted.length, 0);
  parts.assertQuiet();
});

/** What the client gets when a prefill fails `turns` after, or with -`turns` before, the decode opens. */
async function raced(turns: number): Promise<Attempt & { readonly got: AttemptEnd }> {
  const made = attempt(together);
  const response = made.decode().answer(eventResponse());
  await settle();
  const wait = async (): Promise<void> => {
    for (let turn = 0; turn < Math.abs(turns); turn++) await Promise.resolve();
  };
  const fail = (): void => {
    made.prefill().answer(jsonResponse({}, 500));
  };
  if (turns < 0) fail();
  else response.send(...decoded(3));
  await wait();
  if (turns >= 0) fail();
  else response.send(...decoded(3));
  response.end();
  return { ...made, got: await made.end };
}

Deno.test("attemptRelay() never gives half an answer when a prefill fails as the decode opens", async () => {
  const seen = new Set<string>();
  for (let turns = -30; turns <= 30; turns++) {
    const { parts, got, decode } = await raced(turns);
    seen.add(got.kind);
    if (got.kind === "retry") {
      assertEquals(got.reason, "prefill_failed", `${turns}`);
      assertEquals(decode().aborted, true, `${turns}`);
    } else {
      assertEquals(await bodyOf(got), decoded(3).join(""), `${turns}`);
    }
    await parts.deps.background.idle();
    parts.assertQuiet();
  }
  assertEquals([...seen].sort(), ["answer", "retry"]);
});

Deno.test("attemptRelay() corrects cached_tokens by a prefill that answers later than the decode", async () => {
  const { parts, end, prefill, decode } = attempt(together);
  const response = decode().answer(eventResponse());
  const [first = "", ...rest] = decoded(3);
  response.send(first);
  const source = sourceOf(await end);
  assertEquals(decodeUtf8(await source.read() ?? new Uint8Array(0)), first);
  prefill().answer(prefilled());
  await settle();
  response.send(...rest);
  response.end();
  assertEquals(first + await bodyOf(await end), CORRECTED);
  parts.assertQuiet();
});

Deno.test("attemptRelay() leaves cached_tokens where the prefill answers after all is said", async () => {
  for (const stream of [true, false]) {
    const { parts, end, prefill, decode } = attempt(together, { request: { stream } });
    const usage = { prompt_tokens_details: { cached_tokens: 3 } };
    const whole = { choices: [], usage };
    decode().answer(stream ? eventResponse(decoded(3)) : jsonResponse(whole));
    const said = stream ? decoded(3).join("") : JSON.stringify(whole);
    assertEquals(await bodyOf(await end), said);
    prefill().answer(prefilled());
    await parts.deps.background.idle();
    parts.assertQuiet();
  }
});

/** An attempt whose client has gone before either engine has answered. */
async function left(): Promise<Attempt> {
  const made = attempt(together);
  await settle();
  made.parts.client.controller.abort();
  assertEquals((await assertRejects(() => made.end, RouterError)).code, "client-gone");
  assertEquals([made.prefill().aborted, made.decode().aborted], [false, false]);
  return made;
}

Deno.test("attemptRelay() has the KV read of both legs whose client has gone", async () => {
  const { parts, prefill, decode } = await left();
  // A long prompt's prefill takes longer than a decode leg has otherwise.
  await parts.clock.advance(3 * LEAVE_MS);
  assertEquals(decode().aborted, false);
  prefill().answer(prefilled());
  await parts.clock.advance(LEAVE_MS - 1);
  assertEquals(decode().aborted, false);
  const response = decode().answer(eventResponse());
  response.send(event(" one"));
  await parts.deps.background.idle();
  assertEquals([response.state, parts.adopted.length], ["closed", 0]);
  assertEquals(parts.fleet.ends, ["decode left", "prefill ok"]);
  parts.assertQuiet();
});

Deno.test("attemptRelay() waits no longer than 10 s for KV that no client waits for", async () => {
  const { parts, prefill, decode } = await left();
  prefill().answer(prefilled());
  await parts.clock.advance(LEAVE_MS);
  assertEquals([decode().aborted, parts.adopted.length], [true, 1]);
  parts.assertQuiet();
});

Deno.test("attemptRelay() ends a decode without client when its prefill fails", async () => {
  for (const status of [400, 500]) {
    const { parts, prefill, decode } = await left();
    prefill().answer(jsonResponse({}, status));
    await parts.deps.background.idle();
    assertEquals([decode().aborted, parts.adopted.length], [true, 1]);
    parts.assertQuiet();
  }
});

Deno.test("attemptRelay() ends the decode when the client goes while it is read", async () => {
  const { parts, end, prefill, decode } = attempt(together);
  const response = decode().answer(eventResponse());
  response.send(event(" one"));
  const source = sourceOf(await end);
  await source.read();
  const reading = source.read().then(() => "read", () => "broken");
  parts.client.controller.abort();
  assertEquals([await reading, response.state, prefill().aborted], ["broken", "closed", false]);
  prefill().answer(prefilled());
  await parts.deps.background.idle();
  assertEquals(parts.fleet.ends, ["decode left", "prefill ok"]);
  parts.assertQuiet();
});

Deno.test("attemptRelay() ends both legs of a client that has gone when the router stops", async () => {
  const { parts, prefill, decode } = await left();
  await parts.stop();
  assertEquals([prefill().aborted, decode().aborted, parts.adopted.length], [true, true, 1]);
  parts.assertQuiet();
});

Deno.test("attemptRelay() ends with its client's answer when the router stops", async () => {
  const { parts, end, prefill, decode } = attempt(together);
  await parts.stop();
  const retry = await end;
  assertEquals(retry.kind === "retry" && retry.reason, "prefill_failed");
  assertEquals([prefill().aborted, decode().aborted], [true, true]);
  parts.assertQuiet();
});
