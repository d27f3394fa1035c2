import type { ErrorCode } from "../../lib/base/mod.ts";
import { type Leg, type Lessons, lessonsOf, type Outcome } from "../../lib/fleet/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { outcome } from "./health_conformance.ts";
import { engine } from "./support.ts";

const A = engine("a");
const B = engine("b");
const LEGS: readonly Leg[] = ["prefill", "decode", "direct", "tokenize", "reclaim", "models"];
const NOTHING: Lessons = { engine: "nothing", pair: "nothing" };

function of(leg: Leg, part: Partial<Outcome> = {}): Outcome {
  return outcome(A, { leg, peer: leg === "prefill" || leg === "decode" ? B : undefined, ...part });
}

function failed(leg: Leg, code: ErrorCode, status?: number): Lessons {
  return lessonsOf(of(leg, { end: "failed", code, status }));
}

Deno.test("lessonsOf() takes what went well for as much as it shows", () => {
  assertEquals(Object.fromEntries(LEGS.map((leg) => [leg, lessonsOf(of(leg))])), {
    prefill: { engine: "ok", pair: "halfway" },
    decode: { engine: "ok", pair: "ok" },
    direct: { engine: "ok", pair: "nothing" },
    tokenize: { engine: "halfway", pair: "nothing" },
    reclaim: NOTHING,
    models: NOTHING,
  });
});

Deno.test("lessonsOf() learns nothing from what clients did, or what they asked for", () => {
  for (const leg of LEGS) {
    assertEquals(lessonsOf(of(leg, { end: "left" })), NOTHING);
    for (const status of [400, 401, 404, 408, 413, 422, 429, 499, 501]) {
      assertEquals(lessonsOf(of(leg, { status })), NOTHING);
      assertEquals(failed(leg, "decode-failed", status), NOTHING);
    }
    for (
      const code of ["client-gone", "bad-request", "request-timeout", "shutting-down"] as const
    ) {
      assertEquals(failed(leg, code), NOTHING);
    }
  }
});

Deno.test("lessonsOf() learns nothing from want of room", () => {
  for (const leg of LEGS) {
    for (const status of [429, 503]) {
      assertEquals(lessonsOf(of(leg, { status })), NOTHING);
      assertEquals(failed(leg, "prefill-failed", status), NOTHING);
    }
  }
});

Deno.test("lessonsOf() holds an answer of 500 against its engine, also where the client gets it", () => {
  for (const status of [500, 502, 504]) {
    assertEquals(lessonsOf(of("direct", { status })), { engine: "failed", pair: "nothing" });
    assertEquals(failed("prefill", "prefill-failed", status), {
      engine: "failed",
      pair: "nothing",
    });
  }
});

Deno.test("lessonsOf() goes by the innermost cause of a failure", () => {
  const cases: readonly (readonly [Leg, ErrorCode, ErrorCode, Lessons])[] = [
    ["prefill", "prefill-failed", "upstream-unreachable", { engine: "grave", pair: "nothing" }],
    ["decode", "decode-failed", "upstream-unreachable", { engine: "grave", pair: "nothing" }],
    ["decode", "decode-failed", "upstream-lost", { engine: "failed", pair: "nothing" }],
    ["decode", "decode-failed", "decode-failed", { engine: "failed", pair: "failed" }],
    ["tokenize", "tokenize-failed", "client-gone", NOTHING],
  ];
  for (const [leg, code, root, lessons] of cases) {
    assertEquals(lessonsOf(of(leg, { end: "failed", code, status: undefined }), root), lessons);
  }
});

Deno.test("lessonsOf() holds KV that does not come against the pair alone", () => {
  assertEquals(failed("decode", "kv-timeout"), { engine: "nothing", pair: "failed" });
  assertEquals(
    lessonsOf(of("decode", { peer: undefined, end: "failed", code: "kv-timeout" })),
    NOTHING,
  );
  assertEquals(failed("prefill", "kv-timeout"), NOTHING);
});

Deno.test("lessonsOf() takes a failure without a code for the router's own", () => {
  assertEquals(lessonsOf(of("direct", { end: "failed", code: undefined })), NOTHING);
  assertEquals(failed("direct", "internal"), NOTHING);
});
