import { decodeUtf8 } from "../../lib/base/mod.ts";
import { health } from "../../lib/http/info.ts";
import { assertEquals } from "../support/assert.ts";

function healthOf(draining: boolean, ailment: string | undefined): [number, unknown] {
  const { status, body } = health({ draining: () => draining, ailment: () => ailment });
  return [status, body instanceof Uint8Array ? JSON.parse(decodeUtf8(body)) : undefined];
}

Deno.test("health() is 200 only while the router takes requests and can do its work", () => {
  assertEquals(healthOf(false, undefined), [200, { status: "healthy" }]);
  assertEquals(healthOf(true, undefined), [503, { status: "draining" }]);
  assertEquals(healthOf(false, "broken"), [503, { status: "unhealthy", reason: "broken" }]);
});
