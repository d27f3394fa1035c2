import type { Engine } from "../../lib/base/mod.ts";
import { FleetView, missingOf } from "../../lib/fleet/mod.ts";
import { type Candidate, GOOD, type Verdict } from "../../lib/selection/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { engine as engineOf } from "./support.ts";

const SHUT: Verdict = { kind: "shut", why: "upstream-unreachable" };

type Given = readonly [
  role: Engine["role"],
  models: readonly string[],
  verdict?: Verdict,
  kv?: Engine["kv"],
];

/** The view of engines with these roles, models and verdicts. */
function view(...given: readonly Given[]): FleetView {
  const candidates = given.map(([role, models, verdict = GOOD, kv = "lmcache"], at): Candidate => ({
    engine: engineOf(`e${at}`, models, { role, kv }),
    inflight: 0,
    verdict,
  }));
  const entries = candidates.map(({ engine }) => ({ engine, cards: [], created: 1 }));
  return new FleetView(entries, candidates.filter(({ verdict }) => verdict.kind !== "leaving"));
}

const NONE_TOLD = "an engine that can serve: of 1 none has told its models";
const NONE_ABLE = "an engine that can serve: of 1 none answers and is free of failures";

Deno.test("missingOf() misses an engine that serves a model and is not shut", () => {
  const rows: readonly (readonly [FleetView, readonly string[]])[] = [
    [view(), ["an engine that can serve: there is none"]],
    [view(["any", []]), [NONE_TOLD]],
    [view(["decode", ["m"], SHUT]), [NONE_ABLE]],
    [view(["decode", ["m"], { kind: "leaving" }]), [NONE_ABLE]],
    // A prefill engine serves no whole request.
    [view(["prefill", ["m"]]), ["an engine that can serve: there is none"]],
    [view(["any", ["m"]]), []],
    [view(["any", ["m"], { kind: "probation" }]), []],
    [view(["any", ["m"], SHUT], ["decode", ["n"]]), []],
    [view(["prefill", ["m"], SHUT], ["decode", ["m"]]), []],
  ];
  for (const [at, [fleet, missing]] of rows.entries()) {
    assertEquals(missingOf(fleet, false), missing, `row ${at}`);
  }
});

Deno.test("missingOf() misses the side of a pair that is not able, or what pairs have in common", () => {
  const rows: readonly (readonly [FleetView, readonly string[]])[] = [
    [view(["prefill", ["m"]], ["decode", ["m"]]), []],
    [view(["prefill", ["m"], SHUT], ["prefill", ["m"]], ["decode", ["m"]]), []],
    [view(["any", ["m"]]), [
      "a prefill engine that can serve: there is none",
      "a decode engine that can serve: there is none",
    ]],
    [view(["prefill", ["m"], SHUT], ["decode", ["m"]]), [
      "a prefill engine that can serve: of 1 none answers and is free of failures",
    ]],
    [view(["prefill", ["m"]], ["decode", []]), [
      "a decode engine that can serve: of 1 none has told its models",
    ]],
    [view(["prefill", ["m"]], ["decode", ["m"], GOOD, "nixl"]), [
      "a prefill and a decode engine with a model and a protocol in common, both able to serve",
    ]],
    [view(["prefill", ["m"]], ["decode", ["n"]]), [
      "a prefill and a decode engine with a model and a protocol in common, both able to serve",
    ]],
  ];
  for (const [at, [fleet, missing]] of rows.entries()) {
    assertEquals(missingOf(fleet, true), missing, `row ${at}`);
  }
});

Deno.test("missingOf() takes engines that differ for no pair", () => {
  const fleet = view(["prefill", ["m"]], ["prefill", ["m"]], ["decode", ["m"]]);
  const all = (): boolean => true;
  assertEquals(missingOf(fleet, true, all), [
    "a prefill and a decode engine that do not differ in what KV depends on",
  ]);
  assertEquals(missingOf(fleet, true, ({ id }) => id === "e0"), []);
  assertEquals(missingOf(fleet, false, all), []);
});
