import { hasToken } from "../../lib/http1/fields.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("hasToken() looks at list elements only", () => {
  assertEquals(hasToken("close", "close"), true);
  assertEquals(hasToken("Keep-Alive , CLOSE", "close"), true);
  assertEquals(hasToken("not close", "close"), false);
  assertEquals(hasToken("", "close"), false);
});
