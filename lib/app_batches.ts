/** Files and batches, built from the configuration. @module */
import { Batches } from "./batch/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import type { Metrics } from "./metrics/mod.ts";
import type { FlowDeps } from "./request/mod.ts";

/** Of what is held of request bodies, the part that those of batches may have. */
const HELD_PART = 1 / 4;

/** Open what is kept, where files are to be kept; rejects where it cannot be opened. */
export async function openBatches(
  { batches, buffers, maxRequestBytes }: Pick<
    RouterConfig,
    "batches" | "buffers" | "maxRequestBytes"
  >,
  { clock, random, log, metrics, breather }: FlowDeps,
): Promise<Batches | undefined> {
  if (batches === undefined) return undefined;
  const { folder, concurrency, maxFileBytes, maxStorageBytes } = batches;
  return await Batches.open({
    folder,
    limits: { fileBytes: maxFileBytes, totalBytes: maxStorageBytes },
    concurrency,
    maxAskedBytes: buffers.maxBytes * HELD_PART,
    maxLineBytes: maxRequestBytes,
    clock,
    random,
    log,
    breather,
    onLine: (result) => metrics.count("pd_router_batch_requests_total", { result }),
  });
}

/** Set the gauges to what holds at this moment. */
export function gaugeBatches(metrics: Pick<Metrics, "set">, batches: Batches): void {
  metrics.set("pd_router_batches_open", {}, batches.open);
  metrics.set("pd_router_batch_requests", {}, batches.asked);
  metrics.set("pd_router_stored_bytes", {}, batches.files.usedBytes);
}
