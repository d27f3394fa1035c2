import fc from "fast-check";
import { seededRandom } from "../../lib/base/mod.ts";
import {
  attemptOf,
  legHeaders,
  namesRank,
  type RequestContext,
  RequestTrace,
  withFreshId,
} from "../../lib/request/mod.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

const random = seededRandom(1);

function contextOf(id: string, more: Partial<RequestContext> = {}): RequestContext {
  return {
    id,
    sessionId: undefined,
    signal: new AbortController().signal,
    headers: [["x-custom", "1"], ["x-request-id", id]],
    trace: new RequestTrace(new FakeClock()),
    ...more,
  };
}

/** The ids that engines are given. */
function idsOf({ headers }: Pick<RequestContext, "headers">): readonly string[] {
  return headers.filter(([name]) => name.toLowerCase() === "x-request-id").map(([, id]) => id);
}

Deno.test("attemptOf() gives each attempt an id that begins as the client's", () => {
  const context = contextOf("abc");
  const ids = Array.from({ length: 1_000 }, () => idsOf(attemptOf(context, random))).flat();
  for (const id of ids) assertMatch(id, /^abc-[0-9a-f]{16}$/);
  assertEquals([ids.length, new Set(ids).size], [1_000, 1_000]);
});

Deno.test("attemptOf() leaves everything else as it is", () => {
  const context = contextOf("abc", { sessionId: "s", rankLeg: "decode" });
  const { headers, ...rest } = attemptOf(context, random);
  const { headers: _before, ...before } = context;
  assertEquals(rest, before);
  assertEquals(headers[0], ["x-custom", "1"]);
  assertEquals(attemptOf(context, random).trace === context.trace, true);
});

Deno.test("attemptOf() makes a bounded id of plain characters of whatever a client sends", () => {
  const rows: readonly (readonly [id: string, prefix: string])[] = [
    ["a b,c", "a_b_c"],
    ["chatcmpl-1.2:3_x", "chatcmpl-1.2:3_x"],
    ["../../etc", ".._.._etc"],
    ["\u00fc\u4e16\u{1f600}", "____"],
    ["x".repeat(512), "x".repeat(128)],
    ['"; drop', "___drop"],
  ];
  for (const [id, prefix] of rows) {
    const [given = ""] = idsOf(attemptOf(contextOf(id), random));
    assertEquals(given.slice(0, -17), prefix);
  }
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 600 }), (id) => {
      const [given = ""] = idsOf(attemptOf(contextOf(id), random));
      assertMatch(given, /^[\w.:-]{0,128}-[0-9a-f]{16}$/);
    }),
    { numRuns: 200, seed: 17 },
  );
});

Deno.test("withFreshId() puts one id in the place of all there are", () => {
  const fields = withFreshId(
    [["X-Request-Id", "a"], ["b", "c"], ["x-request-id", "d"]],
    "e",
    random,
  );
  assertEquals(fields[0], ["b", "c"]);
  assertMatch(idsOf({ headers: fields }).join(), /^e-[0-9a-f]{16}$/);
});

Deno.test("legHeaders() sends a rank to the leg that it is meant for", () => {
  const headers = [["x-data-parallel-rank", "3"], ["x-request-id", "a"]] as const;
  const rows = [
    ["decode", false, true],
    ["prefill", true, false],
    ["both", true, true],
    [undefined, true, true],
  ] as const;
  for (const [rankLeg, prefill, decode] of rows) {
    const context = contextOf("a", { headers, rankLeg });
    const ranked = (["prefill", "decode"] as const).map((leg) => {
      const fields = legHeaders(context, leg);
      assert(fields.some(([name]) => name === "x-request-id"));
      return fields.some(([name]) => name === "x-data-parallel-rank");
    });
    assertEquals(ranked, [prefill, decode], `${rankLeg}`);
  }
});

Deno.test("namesRank() looks for the field alone", () => {
  const named = (fields: Readonly<Record<string, string>>): boolean =>
    namesRank({ get: (name) => fields[name] });
  assertEquals([named({}), named({ "x-data-parallel-rank": "0" }), named({ rank: "1" })], [
    false,
    true,
    false,
  ]);
});
