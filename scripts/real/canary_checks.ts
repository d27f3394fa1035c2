/** What the router's own handoffs find out at its start. @module */
import { type Checks, must } from "./check.ts";
import { until } from "./process.ts";
import type { RealRouter } from "./router.ts";

/** Longest wait for the canaries of all pairs: the first handshakes of two engines are slow. */
const BACK_MS = 180_000;

/** What a canary can come to. */
const RESULTS = ["ok", "recomputed", "mismatch", "failed", "skipped"] as const;

/** Whether all of `pairs` canaries of a router started with `--canary` came back well. */
export async function checkCanariesWell(
  checks: Checks,
  group: string,
  router: RealRouter,
  pairs: number,
): Promise<void> {
  await checks.run(group, "canaries at the start", async () => {
    const text = await resultsOf(router, pairs);
    must(text === `${pairs} ok`, text);
    const suspected = await router.metric("pd_router_recompute_suspected_total");
    must(suspected === 0, `${suspected} handoffs are suspected`);
    return text;
  });
}

/** Whether the canary of a pair whose engines hash differently says so, before any request. */
export async function checkCanaryOfSeeds(
  checks: Checks,
  group: string,
  router: RealRouter,
): Promise<void> {
  await checks.run(group, "a canary where PYTHONHASHSEED differs", async () => {
    const text = await resultsOf(router, 1);
    must(text === "1 recomputed", text);
    const log = await router.process.output();
    const line = log.split("\n").find((each) => each.includes("KV is not found between"));
    must(line?.includes("cause=hash_seed") === true, line ?? "the log says nothing of it");
    return `${text}; ${line.slice(line.indexOf("cause="), line.indexOf("cause=") + 80)}`;
  });
}

async function resultsOf(router: RealRouter, pairs: number): Promise<string> {
  let counts: readonly number[] = [];
  const back = await until(async () => {
    counts = await Promise.all(
      RESULTS.map((result) => router.metric("pd_router_canary_total", `result="${result}"`)),
    );
    return counts.reduce((sum, count) => sum + count, 0) >= pairs;
  }, BACK_MS);
  must(back, `not all of ${pairs} canaries came back: ${counts.join(", ")}`);
  return RESULTS.flatMap((result, at) => (counts[at] ?? 0) > 0 ? [`${counts[at]} ${result}`] : [])
    .join(", ");
}
