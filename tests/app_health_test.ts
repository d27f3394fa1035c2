import { gaugeHealth } from "../lib/app_health.ts";
import type { Engine } from "../lib/base/mod.ts";
import { FleetView } from "../lib/fleet/mod.ts";
import { Metrics } from "../lib/metrics/mod.ts";
import { GOOD, type Verdict } from "../lib/selection/mod.ts";
import { assertEquals } from "./support/assert.ts";
import { engineOf } from "./support/flow_fakes.ts";

const LOST: Verdict = { kind: "shut", why: "upstream-lost", untilMs: 1 };
const SILENT: Verdict = { kind: "shut", why: "upstream-unreachable" };

/** The gauges of engines that are as `verdicts` says, and of pairs of the first two. */
async function gauges(
  metrics: Metrics,
  engines: readonly Engine[],
  verdicts: Readonly<Record<string, Verdict>>,
  pairs: readonly Extract<Verdict, { readonly kind: "shut" | "probation" }>[] = [],
): Promise<readonly string[]> {
  const [prefill = engineOf("p", "prefill"), decode = engineOf("d", "decode")] = engines;
  gaugeHealth(metrics, {
    snapshot: () => new FleetView(engines.map((engine) => ({ engine, cards: [], created: 0 })), []),
    verdict: ({ id }) => verdicts[id] ?? GOOD,
    doubtedPairs: () => pairs.map((verdict) => ({ prefill, decode, verdict })),
  });
  return (await metrics.text()).split("\n")
    .filter((line) => /^pd_router_(engines|pairs)_shut/.test(line))
    .map((line) => line.replace("pd_router_", ""));
}

Deno.test("gaugeHealth() tells of engines and pairs as they are, and of those that have gone no more", async () => {
  const metrics = new Metrics();
  const [P, D, E, F] = [
    engineOf("p", "prefill"),
    engineOf("d", "decode"),
    engineOf("e", "decode"),
    engineOf("f", "decode"),
  ];
  const all = [P, D, E, F];
  assertEquals(await gauges(metrics, all, {}), ["pairs_shut 0"]);
  const verdicts: Record<string, Verdict> = {
    p: SILENT,
    d: LOST,
    e: LOST,
    f: { kind: "probation" },
  };
  const shut = { kind: "shut", why: "kv-timeout", untilMs: 1 } as const;
  assertEquals(await gauges(metrics, all, verdicts, [shut, shut, { kind: "probation" }]), [
    'engines_shut{role="prefill",why="upstream-unreachable"} 1',
    'engines_shut{role="decode",why="upstream-lost"} 2',
    "pairs_shut 2",
  ]);
  assertEquals(await gauges(metrics, [D, F], verdicts), [
    'engines_shut{role="decode",why="upstream-lost"} 1',
    "pairs_shut 0",
  ]);
  assertEquals(await gauges(metrics, [], verdicts), ["pairs_shut 0"]);
});
