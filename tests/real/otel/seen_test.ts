import { spansIn } from "../../../scripts/real/otel/seen.ts";
import { assertEquals } from "../../support/assert.ts";

const LINE = JSON.stringify({
  resourceSpans: [{
    resource: { attributes: [{ key: "service.name", value: { stringValue: "x" } }] },
    scopeSpans: [{
      scope: { name: "pd-router" },
      spans: [{
        traceId: "aa",
        spanId: "bb",
        parentSpanId: "cc",
        name: "decode",
        kind: 3,
        startTimeUnixNano: "1700000000000000001",
        endTimeUnixNano: "1700000000000000002",
        attributes: [
          { key: "n", value: { intValue: "7" } },
          { key: "b", value: { boolValue: false } },
          { key: "d", value: { doubleValue: 0.5 } },
        ],
        events: [{ name: "first_token" }],
        status: { code: 2 },
      }],
    }],
  }],
});

Deno.test("spansIn() reads what the collector writes, but no line that is being written", () => {
  const spans = spansIn(`${LINE}\n${LINE}\n${LINE.slice(0, 50)}`);
  assertEquals(spans.length, 2);
  assertEquals(spans[0], {
    traceId: "aa",
    spanId: "bb",
    parentId: "cc",
    state: "",
    name: "decode",
    kind: 3,
    startNs: 1_700_000_000_000_000_001n,
    endNs: 1_700_000_000_000_000_002n,
    attributes: { n: 7, b: false, d: 0.5 },
    events: ["first_token"],
    status: 2,
    resource: { "service.name": "x" },
    scope: "pd-router",
  });
  assertEquals(spansIn(""), []);
});
