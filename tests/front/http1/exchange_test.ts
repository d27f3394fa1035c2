import { Exchange } from "../../../lib/front/http1/exchange.ts";
import { FieldList } from "../../../lib/front/http1/field_list.ts";
import { NO_BODY } from "../../../lib/front/http1/request_body.ts";
import { assert, assertEquals } from "../../support/assert.ts";

function exchange(): Exchange {
  return new Exchange(
    {
      method: "GET",
      target: "/a?b",
      minor: 1,
      headers: new FieldList({ text: "", marks: [] }),
      framing: { length: 0, keepAlive: true, expects: false },
    },
    NO_BODY,
    { hostname: "a", port: 1 },
  );
}

Deno.test("Exchange is the request", () => {
  const { method, target, minor, remote, body } = exchange();
  assertEquals([method, target, minor, remote], ["GET", "/a?b", 1, { hostname: "a", port: 1 }]);
  assert(body === NO_BODY);
});

Deno.test("Exchange.signal aborts when the client leaves, whenever it is asked for", () => {
  const early = exchange();
  const { signal } = early;
  assertEquals(signal.aborted, false);
  early.leave();
  early.leave();
  assertEquals(signal.aborted, true);
  assert(early.signal === signal);
  const late = exchange();
  late.leave();
  assertEquals(late.signal.aborted, true);
});
