import { refusalOf } from "../../../lib/discovery/kubernetes/api_refusal.ts";
import { assertEquals } from "../../support/assert.ts";
import { statusObject } from "../../support/kubernetes_api/mod.ts";

Deno.test("refusalOf() reads a Status, whichever way it comes", () => {
  const status = statusObject(403, "Forbidden", "pods is forbidden");
  for (const refusal of [refusalOf(status), refusalOf(status, 403)]) {
    const { message, reason, isExpired, retryAfterMs } = refusal;
    assertEquals(message, "The API server answers 403 Forbidden: pods is forbidden");
    assertEquals([reason, isExpired, retryAfterMs], ["Forbidden", false, 0]);
  }
});

Deno.test("refusalOf() bears answers that are no Status", () => {
  assertEquals(refusalOf(undefined, 404).message, "The API server answers 404");
  assertEquals(refusalOf("Bad Gateway", 502).message, "The API server answers 502");
  const odd = refusalOf({ code: "x", reason: 5, message: {}, details: null });
  assertEquals([odd.status, odd.message], [500, "The API server answers 500"]);
  assertEquals(refusalOf({ message: "m".repeat(1000) }, 500).message.length < 400, true);
});

Deno.test("refusalOf() knows what is too old by its status, and by its reason", () => {
  assertEquals(refusalOf(statusObject(410, "Expired", "")).isExpired, true);
  assertEquals(refusalOf({ reason: "Gone" }).isExpired, true);
  assertEquals(refusalOf({}, 410).isExpired, true);
});

Deno.test("refusalOf() bounds how long it wants not to be asked", () => {
  const rows = [["5", 5_000], ["100000", 60_000], ["-1", 0], ["soon", 0]] as const;
  for (const [text, ms] of rows) assertEquals(refusalOf({}, 429, text).retryAfterMs, ms);
  assertEquals(refusalOf({ details: { retryAfterSeconds: 2 } }, 429).retryAfterMs, 2_000);
});
