import type { ErrorCode } from "../../lib/base/mod.ts";
import { answeringHealth, type Leg } from "../../lib/fleet/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { healthConformance, outcome } from "./health_conformance.ts";
import { engine } from "./support.ts";

healthConformance("answeringHealth()", () => answeringHealth());

const A = engine("a");
const B = engine("b");

Deno.test("answeringHealth() shuts an engine that did not answer its last question for models", () => {
  const health = answeringHealth();
  for (const code of ["upstream-unreachable", "upstream-timeout"] satisfies ErrorCode[]) {
    health.report(outcome(A, { leg: "models", end: "failed", code }));
    assertEquals(health.engine("a"), { kind: "shut", why: code });
    assertEquals(health.engine("b"), { kind: "good" });
  }
  health.report(outcome(A, { leg: "models" }));
  assertEquals(health.engine("a"), { kind: "good" });
});

Deno.test("answeringHealth() goes by no other leg", () => {
  const health = answeringHealth();
  const others = ["prefill", "decode", "direct", "tokenize", "reclaim"] satisfies Leg[];
  for (const leg of others) {
    health.report(outcome(A, { leg, peer: B, end: "failed" }));
    health.report(outcome(A, { leg, peer: B, end: "failed", code: "kv-timeout" }));
  }
  assertEquals(health.engine("a").kind, "good");
  health.report(outcome(A, { leg: "models", end: "failed" }));
  for (const leg of others) health.report(outcome(A, { leg, peer: B }));
  assertEquals(health.engine("a").kind, "shut");
});

Deno.test("answeringHealth() takes a failure without a code for the router's own", () => {
  const health = answeringHealth();
  health.report(outcome(A, { leg: "models", end: "failed", code: undefined }));
  assertEquals(health.engine("a"), { kind: "shut", why: "internal" });
});

Deno.test("answeringHealth() has nothing against pairs, whatever their engines do", () => {
  const health = answeringHealth();
  health.report(outcome(A, { leg: "models", end: "failed" }));
  assertEquals([health.engine("a").kind, health.pair("a", "b").kind], ["shut", "good"]);
});

Deno.test("answeringHealth() changes with outcomes alone: there is nothing to watch", () => {
  assert(answeringHealth().watch === undefined);
});
