import type { DoubtedPair } from "../../lib/fleet/mod.ts";
import { EngineNames } from "../../lib/http/mod.ts";
import type { Verdict } from "../../lib/selection/mod.ts";
import { engines as enginesAnswer } from "../../lib/http/info.ts";
import { isWhole } from "../../lib/request/mod.ts";
import { jsonOf } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { engineOf } from "../support/flow_fakes.ts";
import { type HttpChanges, httpSetting } from "../support/http_fakes.ts";

const [P, D, E] = [
  engineOf("p", "prefill"),
  engineOf("d", "decode"),
  engineOf("e", "decode"),
];

/** What `/engines` tells of health: one record for each engine. */
function told(
  verdicts: Readonly<Record<string, Verdict>>,
  doubted: readonly DoubtedPair[] = [],
  changes: HttpChanges = {},
): readonly Readonly<Record<string, unknown>>[] {
  const { deps, fleet } = httpSetting({ engines: [P, D, E], ...changes });
  for (const [id, verdict] of Object.entries(verdicts)) fleet.verdicts.set(id, verdict);
  fleet.doubtedPairs = () => doubted;
  const { body } = enginesAnswer(deps);
  assert(isWhole(body));
  return (jsonOf(body) as Record<string, unknown>[]).map((
    { serving_models: _models, created: _created, url: _url, role: _role, ...rest },
  ) => rest);
}

const [p, d, e] = [{ engine_id: P.id }, { engine_id: D.id }, { engine_id: E.id }];

Deno.test("GET /engines tells nothing of health while all is well, or an engine leaves", () => {
  assertEquals(told({ e: { kind: "leaving" } }), [p, d, e]);
});

Deno.test("GET /engines tells what speaks against engines, and why", () => {
  const verdicts: Record<string, Verdict> = {
    d: { kind: "shut", why: "upstream-lost", untilMs: 1 },
    e: { kind: "probation", why: "decode-failed" },
  };
  assertEquals(told(verdicts), [
    p,
    { ...d, verdict: "shut", why: "upstream-lost" },
    { ...e, verdict: "probation", why: "decode-failed" },
  ]);
});

Deno.test("GET /engines tells of a prefill engine with whom its handoffs fail, by name", () => {
  const doubted: readonly DoubtedPair[] = [
    { prefill: P, decode: D, verdict: { kind: "shut", why: "kv-timeout", untilMs: 1 } },
    { prefill: P, decode: E, verdict: { kind: "probation", why: "decode-failed" } },
  ];
  assertEquals(told({}, doubted), [
    {
      ...p,
      shut_pairs: [
        { ...d, verdict: "shut", why: "kv-timeout" },
        { ...e, verdict: "probation", why: "decode-failed" },
      ],
    },
    d,
    e,
  ]);
  const names = new EngineNames(false);
  const hidden = JSON.stringify(told({}, doubted, { names }));
  assert(hidden.includes('"shut_pairs"') && !hidden.includes("http://"), hidden);
});
