/** What metrics tell of the health of engines and pairs, when they are asked. @module */
import type { EngineFleet } from "./fleet/mod.ts";
import type { Metrics } from "./metrics/mod.ts";

/** Set the gauges to what holds at this moment: of engines that have gone nothing is left. */
export function gaugeHealth(
  metrics: Pick<Metrics, "replace" | "set">,
  fleet: Pick<EngineFleet, "snapshot" | "verdict" | "doubtedPairs">,
): void {
  const shut = fleet.snapshot().engines.flatMap((engine) => {
    const verdict = fleet.verdict(engine);
    return verdict.kind === "shut" ? [{ role: engine.role, why: verdict.why }] : [];
  });
  const alike = Map.groupBy(shut, ({ role, why }) => `${role} ${why}`);
  metrics.replace(
    "pd_router_engines_shut",
    [...alike.values()].flatMap(([labels, ...more]) =>
      labels === undefined ? [] : [{ labels, value: 1 + more.length }]
    ),
  );
  const asleep = fleet.snapshot().entries.filter((entry) => entry.asleep === true);
  metrics.replace(
    "pd_router_engines_sleeping",
    [...Map.groupBy(asleep, ({ engine }) => engine.role)].map(([role, { length }]) => ({
      labels: { role },
      value: length,
    })),
  );
  const pairs = fleet.doubtedPairs().filter(({ verdict }) => verdict.kind === "shut");
  metrics.set("pd_router_pairs_shut", {}, pairs.length);
}
