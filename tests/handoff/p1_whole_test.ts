import { type Refusal, RouterError } from "../../lib/base/mod.ts";
import { byteLimit, unopenedEnd } from "../../lib/handoff/p1_whole.ts";
import { MAX_JSON_BYTES } from "../../lib/request/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { DECODE, handoffParts, PAIR, type Parts, PREFILL } from "./support.ts";

type Unopened = Parameters<typeof unopenedEnd>[0];

const LATE = new RouterError("kv-timeout", "late");

function endOf(opened: Unopened, parts: Parts = handoffParts()): ReturnType<typeof unopenedEnd> {
  const flight = parts.fleet.take(DECODE, "decode", PREFILL);
  return unopenedEnd(opened, { pair: PAIR, flight, timedOut: () => LATE });
}

function refusedWith(status: number): RouterError & { readonly refusal: Refusal } {
  const refusal = { status, headers: [], body: new Uint8Array() };
  return Object.assign(new RouterError("decode-failed", "no", { refusal }), { refusal });
}

Deno.test("unopenedEnd() goes around both engines where the KV is late, and the flight says why", () => {
  const parts = handoffParts();
  const end = endOf({ kind: "timed-out" }, parts);
  assertEquals(end, {
    kind: "retry",
    reason: "kv_timeout",
    error: LATE,
    exclude: [
      { id: "p", why: "failed" },
      { id: "d", why: "failed" },
      { id: "d", why: "spoilt" },
    ],
  });
  assertEquals(parts.fleet.ends, ["decode failed kv-timeout"]);
});

Deno.test("unopenedEnd() goes around a decode engine that has failed", () => {
  const error = new RouterError("decode-failed", "gone");
  const exclude = [{ id: "d", why: "failed" }] as const;
  assertEquals(endOf({ kind: "failed", error }), {
    kind: "retry",
    reason: "decode_failed",
    error,
    exclude,
  });
});

Deno.test("unopenedEnd() throws where the client is gone", () => {
  const parts = handoffParts();
  const error = assertThrows(() => endOf({ kind: "gone" }, parts), RouterError);
  assertEquals([error.code, parts.fleet.ends], ["client-gone", []]);
});

Deno.test("unopenedEnd() has one engine serve what the decode engine refuses by its status", () => {
  const direct = { kind: "direct", reason: "decode_refused", moved: true } as const;
  assertEquals(endOf({ kind: "refused", error: refusedWith(400) }), direct);
  const wordless = new RouterError("decode-failed", "a page");
  assertEquals(endOf({ kind: "refused", error: wordless }), direct);
});

Deno.test("unopenedEnd() passes a refusal in the stream on, as it is the engine's last word", () => {
  const error = refusedWith(400);
  const { refusal: answer } = error;
  assertEquals(endOf({ kind: "refused", error, inStream: true }), { kind: "answer", answer });
});

Deno.test("unopenedEnd() asks another engine where this one has no room, however it says so", () => {
  for (const inStream of [{}, { inStream: true }] as const) {
    const end = endOf({ kind: "refused", error: refusedWith(429), ...inStream });
    assertEquals([end.kind, "exclude" in end && end.exclude], [
      "retry",
      [{ id: "d", why: "failed" }],
    ]);
  }
});

Deno.test("byteLimit() grows with the tokens, up to what any answer may have", () => {
  const [mib, kib] = [1024 * 1024, 1024];
  assertEquals([0, 1, 100].map(byteLimit), [mib, mib + 8 * kib, mib + 800 * kib]);
  assertEquals([1e9, Infinity].map(byteLimit), [MAX_JSON_BYTES, MAX_JSON_BYTES]);
});
