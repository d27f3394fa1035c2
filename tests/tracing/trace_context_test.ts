import fc from "fast-check";
import { isTracestate, parseTraceparent, traceparentOf } from "../../lib/tracing/trace_context.ts";
import { assert, assertEquals } from "../support/assert.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const GOOD = `00-${TRACE}-${SPAN}-01`;

const digits = (length: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length })
    .map((all) => all.join("")).filter((text) => !/^0+$/.test(text));

Deno.test("parseTraceparent() reads what traceparentOf() writes", () => {
  fc.assert(fc.property(digits(32), digits(16), fc.boolean(), (traceId, spanId, sampled) => {
    const parent = { traceId, spanId, sampled };
    assertEquals(parseTraceparent(traceparentOf(parent)), parent);
  }));
});

Deno.test("parseTraceparent() takes the flags that it does not know, and looks at one bit", () => {
  for (const [flags, sampled] of [["00", false], ["01", true], ["03", true], ["fe", false]]) {
    const parent = parseTraceparent(`00-${TRACE}-${SPAN}-${flags}`);
    assertEquals(parent, { traceId: TRACE, spanId: SPAN, sampled: sampled === true });
  }
});

Deno.test("parseTraceparent() takes later versions, with what they add behind a dash", () => {
  for (const text of [`01-${TRACE}-${SPAN}-01`, `cc-${TRACE}-${SPAN}-01-what-follows`]) {
    assertEquals(parseTraceparent(text), { traceId: TRACE, spanId: SPAN, sampled: true });
  }
  assertEquals(parseTraceparent(`01-${TRACE}-${SPAN}-01.more`), undefined);
  assertEquals(parseTraceparent(`01-${TRACE}-${SPAN}-011`), undefined);
});

Deno.test("parseTraceparent() takes nothing that is cut short, or has more than its version", () => {
  for (let cut = 0; cut < GOOD.length; cut++) {
    assertEquals(parseTraceparent(GOOD.slice(0, cut)), undefined, `${cut} characters`);
    assertEquals(parseTraceparent(GOOD.slice(cut + 1)), undefined, `without ${cut + 1}`);
  }
  for (const more of ["-", "-00", " ", ",", `, ${GOOD}`, "0"]) {
    assertEquals(parseTraceparent(GOOD + more), undefined, more);
  }
});

Deno.test("parseTraceparent() takes no other character in any place", () => {
  for (let at = 0; at < GOOD.length; at++) {
    for (const other of ["g", "A", "F", "Z", " ", "_", "\u0660", ":"]) {
      const text = GOOD.slice(0, at) + other + GOOD.slice(at + 1);
      assertEquals(parseTraceparent(text), undefined, text);
    }
  }
});

Deno.test("parseTraceparent() takes neither version ff nor ids that are all zero", () => {
  for (
    const text of [
      `ff-${TRACE}-${SPAN}-01`,
      `00-${"0".repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      "",
    ]
  ) assertEquals(parseTraceparent(text), undefined, text);
});

Deno.test("parseTraceparent() never throws, and takes nothing of any text that is none", () => {
  fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => {
    const parent = parseTraceparent(text);
    assert(parent === undefined || text.includes(parent.traceId));
  }));
});

Deno.test("isTracestate() takes lists of members, up to 32 of them", () => {
  const members = (count: number): string =>
    Array.from({ length: count }, (_, at) => `v${at}=x`).join(",");
  for (
    const text of [
      "a=b",
      "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
      "tenant@vendor=1",
      "a=b , c=d",
      "a=b,,c=d",
      "a/b*c-d_e=!~",
      members(32),
    ]
  ) assert(isTracestate(text), text);
  for (
    const text of [
      "",
      " ",
      ",",
      "a",
      "a=",
      "=b",
      "A=b",
      "a=b=c",
      "a=\u00e9",
      "a=b,C=d",
      members(33),
    ]
  ) assert(!isTracestate(text), text);
});

Deno.test("isTracestate() is as quick with a long text as with a short one", () => {
  for (const text of ["a".repeat(60_000), `${"a".repeat(60_000)}=b`, ",".repeat(60_000)]) {
    assert(!isTracestate(text));
  }
});
