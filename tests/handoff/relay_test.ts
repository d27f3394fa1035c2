import { concatBytes, decodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { NIXL_PREFILL_PARAMS } from "../../lib/disagg/mod.ts";
import { lmcache } from "../../lib/kv/lmcache.ts";
import type { KvProtocol } from "../../lib/kv/mod.ts";
import { nixl } from "../../lib/kv/nixl.ts";
import { sharedStorage } from "../../lib/kv/shared_storage.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { eventResponse, FakeResponse, jsonResponse } from "../support/fake_upstream.ts";
import { data, event } from "../support/scripted_pair.ts";
import {
  type Attempt,
  attempt,
  bodyOf,
  decoded,
  KV_PARAMS,
  prefilled,
  sourceOf,
} from "./relay_support.ts";
import { DECODE, KV_ID, KV_WAIT_MS, PREFILL } from "./support.ts";

interface Row {
  readonly name: string;
  readonly protocol: KvProtocol;
  /** `kv_transfer_params` of each leg; undefined for none. */
  readonly prefillParams: unknown;
  readonly decodeParams: unknown;
  /** The KV is left to be released where a decode leg was sent and did not read it. */
  readonly reclaims: boolean;
}

const ROWS: readonly Row[] = [
  {
    name: "LMCache",
    protocol: lmcache,
    prefillParams: {
      disagg_spec: {
        req_id: KV_ID,
        receiver_host: "d",
        receiver_init_port: [7300],
        receiver_alloc_port: [7400],
      },
    },
    decodeParams: undefined,
    reclaims: true,
  },
  {
    name: "NixlConnector",
    protocol: nixl,
    prefillParams: JSON.parse(NIXL_PREFILL_PARAMS),
    decodeParams: KV_PARAMS,
    reclaims: false,
  },
  {
    name: "shared storage",
    protocol: sharedStorage,
    prefillParams: undefined,
    decodeParams: undefined,
    reclaims: true,
  },
];

/** The transfer's KV has landed, where anybody tells. */
function land({ parts, prefill }: Attempt): void {
  const { kv_transfer_params: params } = prefill().body as {
    readonly kv_transfer_params?: { readonly disagg_spec?: { readonly req_id: string } };
  };
  const reqId = params?.disagg_spec?.req_id;
  if (reqId !== undefined) parts.board.accept({ kind: "kv-ready", reqId });
}

/** An attempt whose decode leg has been sent. */
async function sent(protocol: KvProtocol, request = {}): Promise<Attempt> {
  const made = attempt(protocol, { request });
  made.prefill().answer(prefilled());
  land(made);
  await settle();
  made.decode();
  return made;
}

for (const { name, protocol, prefillParams, decodeParams, reclaims } of ROWS) {
  Deno.test(`attemptRelay() prefills, then passes the decode engine's answer on: ${name}`, async () => {
    const made = attempt(protocol);
    const { parts, prefill, decode } = made;
    const common = { model: "m", prompt: "hi" };
    assertEquals(prefill().body, {
      ...common,
      max_tokens: 1,
      stream: false,
      ...(prefillParams === undefined ? {} : { kv_transfer_params: prefillParams }),
    });
    assertEquals(prefill().request.replayable, false);
    await settle();
    assertEquals(parts.upstream.sent.length, 1, "the decode engine is asked later");
    prefill().answer(prefilled());
    await settle();
    if (protocol === lmcache) assertEquals(parts.upstream.sent.length, 1, "KV has not landed");
    land(made);
    await settle();
    assertEquals(decode().body, {
      ...common,
      max_tokens: 5,
      stream: true,
      ...(decodeParams === undefined ? {} : { kv_transfer_params: decodeParams }),
    });
    assertEquals(decode().request.replayable, decodeParams === undefined);
    decode().answer(eventResponse(decoded(3)));
    const end = await made.end;
    assertEquals(end.kind === "answer" && [end.answer.status, end.answer.headers], [
      200,
      [["content-type", "text/event-stream"]],
    ]);
    assertEquals(await bodyOf(end), decoded(2).join(""), "cached_tokens are the prefill's");
    assertEquals(parts.fleet.ends, ["prefill ok", "decode ok"]);
    assertEquals(parts.fleet.outcomes.map(({ peer }) => peer?.id), ["d", "p"]);
    assertEquals(parts.adopted.length, 0);
    assertEquals(parts.steps(), [
      `prefill-sent ${PREFILL.url}`,
      `prefill-done ${PREFILL.url} ok`,
      ...(protocol === lmcache ? ["kv-ready"] : []),
      `decode-sent ${DECODE.url}`,
      `decode-first ${DECODE.url}`,
    ]);
    parts.assertQuiet();
  });

  Deno.test(`attemptRelay() passes an answer on that is not streamed: ${name}`, async () => {
    const made = await sent(protocol, { stream: false });
    const usage = { prompt_tokens_details: { cached_tokens: 3 } };
    made.decode().answer(jsonResponse({ choices: [], usage }));
    const body = JSON.parse(await bodyOf(await made.end));
    assertEquals(body.usage.prompt_tokens_details.cached_tokens, 2);
    assertEquals(made.parts.fleet.ends, ["prefill ok", "decode ok"]);
    made.parts.assertQuiet();
  });

  Deno.test(`attemptRelay() gives the client what the prefill engine refuses: ${name}`, async () => {
    const { parts, end, prefill } = attempt(protocol);
    prefill().answer(jsonResponse({ error: "too long" }, 400));
    const refused = await end;
    assertEquals(refused.kind === "answer" && refused.answer.status, 400);
    assertEquals(await bodyOf(refused), '{"error":"too long"}');
    assertEquals([parts.upstream.sent.length, parts.adopted.length], [1, 0], "nothing has moved");
    parts.assertQuiet();
  });

  Deno.test(`attemptRelay() leaves to one engine what was refused relaxed: ${name}`, async () => {
    const { parts, end, prefill } = attempt(protocol, { request: { tool_choice: "required" } });
    prefill().answer(jsonResponse({ error: "no tools here" }, 400));
    assertEquals(await end, { kind: "direct", reason: "tools" });
    assertEquals(parts.adopted.length, 0);
    parts.assertQuiet();
  });

  Deno.test(`attemptRelay() goes around a prefill engine that fails: ${name}`, async () => {
    const failures: readonly (readonly [FakeResponse | RouterError, readonly string[]])[] = [
      [new RouterError("upstream-unreachable", "no"), ["p failed"]],
      [new RouterError("upstream-lost", "no"), ["p failed", "d tainted"]],
      [jsonResponse({}, 503), ["p failed", "d tainted"]],
    ];
    for (const [how, exclude] of failures) {
      const { parts, end, prefill } = attempt(protocol);
      if (how instanceof FakeResponse) prefill().answer(how);
      else prefill().fail(how);
      const retry = await end;
      assert(retry.kind === "retry");
      assertEquals([retry.reason, retry.error.code], ["prefill_failed", "prefill-failed"]);
      assertEquals(retry.exclude.map(({ id, why }) => `${id} ${why}`), exclude);
      assertEquals([parts.upstream.sent.length, parts.adopted.length], [1, 1]);
      const fate = await parts.adopted[0]?.prefill;
      assertEquals(fate?.kind === "failed" && fate.sent, exclude.length > 1);
      parts.assertQuiet();
    }
  });

  Deno.test(`attemptRelay() goes around engines whose decode leg fails: ${name}`, async () => {
    const { parts, end, decode } = await sent(protocol);
    decode().answer(jsonResponse({ error: "no KV" }, 500));
    const retry = await end;
    assert(retry.kind === "retry");
    assertEquals([retry.reason, retry.error.code], ["decode_failed", "decode-failed"]);
    assertEquals(
      retry.exclude,
      (decodeParams === undefined ? ["d"] : ["d", "p"]).map((id) => ({ id, why: "failed" })),
    );
    assertEquals(parts.fleet.ends, ["prefill ok", "decode failed decode-failed"]);
    assertEquals(parts.adopted.length, reclaims ? 1 : 0);
    parts.assertQuiet();
  });

  Deno.test(`attemptRelay() gives the client what the decode engine refuses: ${name}`, async () => {
    const { parts, end, decode } = await sent(protocol);
    decode().answer(jsonResponse({ error: "too odd" }, 422));
    const refused = await end;
    assertEquals(refused.kind === "answer" && refused.answer.status, 422);
    assertEquals(await bodyOf(refused), '{"error":"too odd"}');
    assertEquals(parts.adopted.length, reclaims ? 1 : 0);
    assertEquals(parts.fleet.ends, ["prefill ok", "decode ok"]);
    parts.assertQuiet();
  });

  Deno.test(`attemptRelay() lets the prefill of a client that has gone end: ${name}`, async () => {
    const { parts, end, prefill } = attempt(protocol);
    await settle();
    parts.client.controller.abort();
    assertEquals((await assertRejects(() => end, RouterError)).code, "client-gone");
    assertEquals([prefill().aborted, parts.adopted.length], [false, 1]);
    prefill().answer(prefilled());
    assertEquals((await parts.adopted[0]?.prefill)?.kind, "ok");
    assertEquals([parts.upstream.sent.length, parts.fleet.ends], [1, ["prefill ok"]]);
    parts.assertQuiet();
  });

  Deno.test(`attemptRelay() has the KV read when the client goes while the decode opens: ${name}`, async () => {
    const { parts, end, decode } = await sent(protocol);
    parts.client.controller.abort();
    assertEquals((await assertRejects(() => end, RouterError)).code, "client-gone");
    assertEquals(decode().aborted, false);
    const response = decode().answer(eventResponse());
    response.send(event(" one"));
    await parts.deps.background.idle();
    assertEquals([response.state, parts.adopted.length], ["closed", 0]);
    assertEquals(parts.fleet.ends, ["prefill ok", "decode left"]);
    parts.assertQuiet();
  });

  Deno.test(`attemptRelay() ends the decode when the client goes while it is read: ${name}`, async () => {
    for (const by of ["signal", "cancel"] as const) {
      const { parts, end, decode } = await sent(protocol);
      const response = decode().answer(eventResponse());
      response.send(event(" one"));
      const source = sourceOf(await end);
      assertEquals(decodeUtf8(await source.read() ?? new Uint8Array(0)), event(" one"));
      const reading = source.read().then(() => "read", () => "broken");
      await settle();
      if (by === "signal") parts.client.controller.abort();
      else source.cancel();
      assertEquals([await reading, response.state], ["broken", "closed"]);
      assertEquals([parts.fleet.ends, parts.adopted.length], [["prefill ok", "decode left"], 0]);
      parts.assertQuiet();
    }
  });

  Deno.test(`attemptRelay() tells of an engine whose stream breaks: ${name}`, async () => {
    const { parts, end, decode } = await sent(protocol);
    const broken = new RouterError("upstream-protocol", "cut");
    const response = decode().answer(eventResponse([event(" one"), broken]));
    const source = sourceOf(await end);
    await source.read();
    await assertRejects(() => source.read(), RouterError, "cut");
    assertEquals(response.state, "closed");
    assertEquals(parts.fleet.ends, ["prefill ok", "decode failed upstream-protocol"]);
    parts.assertQuiet();
  });
}

Deno.test("attemptRelay() gives up on KV that does not land", async () => {
  const { parts, end, prefill } = attempt(lmcache);
  prefill().answer(prefilled());
  await parts.clock.advance(KV_WAIT_MS);
  const retry = await end;
  assert(retry.kind === "retry");
  assertEquals([retry.reason, retry.error.code], ["kv_timeout", "kv-timeout"]);
  assertEquals(retry.exclude.map(({ id, why }) => `${id} ${why}`), [
    "p failed",
    "d failed",
    "d spoilt",
  ]);
  assertEquals([parts.upstream.sent.length, parts.adopted.length], [1, 1]);
  assertEquals(parts.fleet.ends, ["prefill ok", "decode failed kv-timeout"]);
  parts.assertQuiet();
});

Deno.test("attemptRelay() decodes without KV that does not land, under the policy proceed", async () => {
  const { parts, end, prefill, decode } = attempt(lmcache, { policy: "proceed" });
  prefill().answer(prefilled());
  await parts.clock.advance(KV_WAIT_MS);
  decode().answer(eventResponse(decoded(0)));
  assertEquals(await bodyOf(await end), decoded(2).join(""));
  assertEquals(parts.adopted.length, 0);
  parts.assertQuiet();
});

Deno.test("attemptRelay() leaves KV to be released when the client goes while it is awaited", async () => {
  const { parts, end, prefill } = attempt(lmcache);
  prefill().answer(prefilled());
  await parts.clock.advance(10);
  parts.client.controller.abort();
  assertEquals((await assertRejects(() => end, RouterError)).code, "client-gone");
  assertEquals([parts.upstream.sent.length, parts.adopted.length], [1, 1]);
  assertEquals(parts.fleet.ends, ["prefill ok", "decode left"]);
  parts.assertQuiet();
});

Deno.test("attemptRelay() says how its KV is to be released: the client's request with one token", async () => {
  const { parts, end } = attempt(lmcache);
  parts.client.controller.abort();
  await assertRejects(() => end, RouterError);
  const [held] = parts.adopted;
  assertEquals([held?.decode, held?.path, held?.headers], [
    DECODE,
    "/v1/completions",
    parts.context.headers,
  ]);
  const body = await held?.body(undefined);
  assertEquals(JSON.parse(decodeUtf8(concatBytes(body ?? []))), {
    model: "m",
    prompt: "hi",
    max_tokens: 1,
    stream: false,
  });
});

Deno.test("attemptRelay() decodes without parameters that the prefill did not tell", async () => {
  const { parts, end, prefill, decode } = attempt(nixl);
  prefill().answer(prefilled({ kv_transfer_params: null }));
  await settle();
  assertEquals([decode().request.replayable, Object.keys(decode().body as object)], [
    true,
    ["model", "prompt", "max_tokens", "stream"],
  ]);
  decode().answer(jsonResponse({}, 500));
  const retry = await end;
  assertEquals(retry.kind === "retry" && retry.exclude, [{ id: "d", why: "failed" }]);
  assertEquals(parts.lines.filter(({ level }) => level === "warning").length, 1);
  parts.assertQuiet();
});

for (const { name, protocol, reclaims } of ROWS) {
  for (const status of [429, 503]) {
    Deno.test(`attemptRelay() goes around engines without room, ${status}: ${name}`, async () => {
      const full = (): FakeResponse =>
        jsonResponse({ error: "full" }, status, [["retry-after", "3"]]);
      const first = attempt(protocol);
      first.prefill().answer(full());
      const prefill = await first.end;
      assert(prefill.kind === "retry");
      assertEquals([prefill.reason, prefill.error.refusal?.status], ["prefill_failed", status]);
      assertEquals(prefill.exclude.some(({ id, why }) => id === "p" && why === "failed"), true);
      await first.parts.deps.background.idle();
      first.parts.assertQuiet();
      const { parts, end, decode } = await sent(protocol);
      decode().answer(full());
      const decoded = await end;
      assert(decoded.kind === "retry");
      assertEquals([decoded.reason, decoded.exclude], [
        "decode_failed",
        [{ id: "d", why: "failed" }],
      ]);
      const { refusal } = decoded.error;
      assertEquals([refusal?.status, refusal?.headers.at(-1)], [status, ["retry-after", "3"]]);
      assertEquals(parts.adopted.length, reclaims ? 1 : 0);
      parts.assertQuiet();
    });
  }

  Deno.test(`attemptRelay() gives the client what is refused in the stream: ${name}`, async () => {
    const { parts, end, decode } = await sent(protocol);
    const said = data({ error: { message: "too odd", code: 400 } });
    decode().answer(eventResponse([said, data("[DONE]")]));
    const refused = await end;
    assertEquals(refused.kind === "answer" && refused.answer.status, 400);
    assertEquals(JSON.parse(await bodyOf(refused)).error.message, "too odd");
    assertEquals(parts.adopted.length, reclaims ? 1 : 0, "the decode engine has not read the KV");
    assertEquals(parts.fleet.ends, ["prefill ok", "decode ok"]);
    parts.assertQuiet();
  });
}
