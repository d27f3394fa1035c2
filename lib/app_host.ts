/** What the router and its machine use, told as the production-stack router does. @module */
import type { Clock } from "./base/mod.ts";
import type { Metrics } from "./metrics/mod.ts";

/** Asked whenever it is wanted to be known. Undefined where that must not be known, or cannot. */
export interface HostFigures {
  /** CPU time of this process since its start, in milliseconds. */
  cpuMs(): number;
  /** Share of the machine's memory that is in use, 0 to 1. */
  memoryUse(): number | undefined;
  /** The same of the file system that the root is on. */
  diskUse(): number | undefined;
}

/** Less time than this between two readings says nothing of a share, in milliseconds. */
const LEAST_MS = 100;

/** Gives what sets the gauges to what holds at the moment; without figures, nothing is told. */
export function hostGauge(
  clock: Clock,
  metrics: Pick<Metrics, "set" | "withdraw">,
  figures: HostFigures | undefined,
): () => void {
  const tell = (
    name: "router_memory_usage_percent" | "router_disk_usage_percent" | "router_cpu_usage_percent",
    share: number | undefined,
  ): void => {
    if (share === undefined) metrics.withdraw(name);
    else metrics.set(name, {}, share * 100);
  };
  let [atMs, cpuMs] = [clock.now(), figures?.cpuMs() ?? 0];
  let cpu = figures && 0;
  return () => {
    const now = clock.now();
    if (figures !== undefined && now - atMs >= LEAST_MS) {
      const used = figures.cpuMs();
      cpu = (used - cpuMs) / (now - atMs);
      [atMs, cpuMs] = [now, used];
    }
    tell("router_cpu_usage_percent", cpu);
    tell("router_memory_usage_percent", figures?.memoryUse());
    tell("router_disk_usage_percent", figures?.diskUse());
  };
}
