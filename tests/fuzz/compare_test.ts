import { compare } from "../../scripts/fuzz/front/compare.ts";
import type { Observed } from "../../scripts/fuzz/front/observe.ts";
import type { Seen } from "../../scripts/fuzz/front/peers.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

const PLAIN: Seen = { method: "GET", target: "/", fields: [["host", "a"]], body: "" };

function observed(seen: readonly Partial<Seen>[], ...statuses: readonly number[]): Observed {
  return { seen: seen.map((each) => ({ ...PLAIN, ...each })), statuses };
}

Deno.test("compare() has nothing against the same requests", () => {
  const both = observed([{ method: "POST", body: "x" }, { target: "/b" }], 200, 200);
  assertEquals(compare(both, "hyper", both), undefined);
  assertEquals(compare(both, "llhttp", both), undefined);
});

Deno.test("compare() has nothing against what we refuse, or cannot read to the end", () => {
  const other = observed([{}, { target: "/hidden" }], 200, 200);
  assertEquals(compare(observed([], 400), "hyper", other), undefined);
  assertEquals(compare(observed([{}], 200, 400), "hyper", other), undefined);
  assertEquals(compare(observed([{ body: undefined }], 400), "hyper", other), undefined);
});

Deno.test("compare() tells what we take and another refuses", () => {
  const problem = compare(observed([{}, {}], 200, 200), "llhttp", observed([{}], 200, 400));
  assertStringIncludes(problem ?? "", "request 2 is taken by us and refused by llhttp with 400");
  const silent = compare(observed([{}], 200), "hyper", observed([]));
  assertStringIncludes(silent ?? "", "refused by hyper without an answer");
  const cut = compare(observed([{}], 200), "hyper", observed([{ body: undefined }], 400));
  assert(cut !== undefined);
});

Deno.test("compare() tells what is read differently", () => {
  const changes: [what: string, seen: Partial<Seen>][] = [
    ["method", { method: "PUT" }],
    ["target", { target: "/b" }],
    ["body", { body: "x" }],
    ["field", { fields: [["host", "b"]] }],
    ["field", { fields: [] }],
  ];
  for (const [what, seen] of changes) {
    const problem = compare(observed([{}], 200), "llhttp", observed([seen], 200));
    assertStringIncludes(problem ?? "", `another ${what} for llhttp`);
  }
  // A request hidden in the body of one.
  const ours = observed([{ method: "POST", body: "x" }, { target: "/sentinel" }], 200, 200);
  const other = observed([{ method: "POST", body: "" }, { target: "/hidden" }], 200, 200);
  assert(compare(ours, "llhttp", other) !== undefined);
});

Deno.test("compare() lets pass what is refused for other reasons than doubt", () => {
  const ours = observed([{}], 200);
  for (const status of [413, 414, 417, 431, 501, 505]) {
    assertEquals(compare(ours, "hyper", observed([], status)), undefined);
  }
  const strange = observed([{ method: "BREW" }], 200);
  assertEquals(compare(strange, "llhttp", observed([], 400)), undefined);
  assert(compare(strange, "hyper", observed([], 400)) !== undefined);
  const offer = observed([{ fields: [["upgrade", "h2c"]] }, {}], 200, 200);
  assertEquals(compare(offer, "hyper", observed([], 400)), undefined);
  assertEquals(compare(offer, "llhttp", observed([offer.seen[0] ?? {}], 200)), undefined);
});
