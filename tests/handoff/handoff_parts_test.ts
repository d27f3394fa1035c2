import { encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import {
  kvTimeout,
  refusedAnswer,
  withoutKv,
  withoutPrefill,
  withoutRoom,
} from "../../lib/handoff/handoff_parts.ts";
import { assertEquals } from "../support/assert.ts";
import { PAIR } from "./support.ts";

const ERROR = new RouterError("prefill-failed", "no");

Deno.test("refusedAnswer() is the engine's own, without the fields of its connection", () => {
  const body = encodeUtf8("{}");
  const headers = [["X-A", "b"], ["Content-Length", "2"], ["connection", "X-B"], [
    "x-b",
    "c",
  ]] as const;
  assertEquals(refusedAnswer({ kind: "refused", status: 422, headers, body }), {
    status: 422,
    headers: [["X-A", "b"]],
    body,
  });
});

Deno.test("withoutPrefill() goes around the prefill engine, and a decode engine that KV may be at", () => {
  for (const told of [false, true]) {
    const failed = { kind: "failed", error: ERROR, told } as const;
    assertEquals(withoutPrefill({ ...failed, sent: false }, PAIR), {
      kind: "retry",
      reason: "prefill_failed",
      error: ERROR,
      exclude: [{ id: "p", why: "failed" }],
    });
    assertEquals(withoutPrefill({ ...failed, sent: true }, PAIR).exclude, [
      { id: "p", why: "failed" },
      { id: "d", why: "tainted" },
    ]);
  }
});

Deno.test("kvTimeout() names both engines and the wait", () => {
  const error = kvTimeout({ kvReadyTimeoutMs: 250 }, PAIR);
  assertEquals([error.code, error.message], [
    "kv-timeout",
    "No KV-ready notification for the transfer from http://p:8000 to http://d:8000 within 250 ms",
  ]);
});

Deno.test("withoutKv() goes around both engines, and never to the decode engine again", () => {
  assertEquals(withoutKv(ERROR, PAIR), {
    kind: "retry",
    reason: "kv_timeout",
    error: ERROR,
    exclude: [
      { id: "p", why: "failed" },
      { id: "d", why: "failed" },
      { id: "d", why: "spoilt" },
    ],
  });
});

Deno.test("withoutRoom() goes around an engine that has none, and passes on what it says", () => {
  for (const status of [429, 503]) {
    const body = encodeUtf8('{"error":{"message":"full"}}');
    const refusal = { status, headers: [["retry-after", "3"]] as const, body };
    const prefill = withoutRoom("prefill", PAIR, refusal);
    assertEquals([prefill?.reason, prefill?.exclude], [
      "prefill_failed",
      [{ id: "p", why: "failed" }],
    ]);
    assertEquals(prefill?.error.refusal, refusal);
    assertEquals(
      prefill?.error.message,
      `Prefill on engine http://p:8000 answered ${status}: full`,
    );
    const decode = withoutRoom("decode", PAIR, refusal);
    assertEquals([decode?.reason, decode?.exclude, decode?.error.code], [
      "decode_failed",
      [{ id: "d", why: "failed" }],
      "decode-failed",
    ]);
  }
});

Deno.test("withoutRoom() is of no other refusal", () => {
  for (const status of [400, 404, 422, 500, 502]) {
    assertEquals(
      withoutRoom("decode", PAIR, { status, headers: [], body: encodeUtf8("") }),
      undefined,
    );
  }
});
