/** What the engines themselves say of the KV that moved between them. @module */
import { type Checks, must } from "./check.ts";
import type { RealEngine } from "./engine.ts";
import { BUFFER_TOKENS } from "./lmcache_engine.ts";
import { until } from "./process.ts";
import type { RealRouter } from "./router.ts";

/** What went wrong so far, as the engines count it. */
export interface Losses {
  readonly failed: number;
  readonly expired: number;
}

/** The losses of `prefills` and `decode` since they started. */
export async function lossesOf(
  prefills: readonly RealEngine[],
  decode: RealEngine,
): Promise<Losses> {
  return {
    failed: await decode.metric("vllm:nixl_num_failed_transfers_total"),
    expired: await sum(prefills, "vllm:nixl_num_kv_expired_reqs_total"),
  };
}

/** Proof from the engines' metrics and logs that every handoff since `before` moved KV. */
export async function checkKvMoved(
  checks: Checks,
  group: string,
  router: RealRouter,
  prefills: readonly RealEngine[],
  decode: RealEngine,
  before: Losses,
): Promise<void> {
  await checks.run(group, "KV moved, as the engines count it", async () => {
    const bytes = await decode.metric("vllm:nixl_bytes_transferred_sum");
    const transfers = await decode.metric("vllm:nixl_xfer_time_seconds_count");
    const after = await lossesOf(prefills, decode);
    const failed = after.failed - before.failed;
    const expired = after.expired - before.expired;
    const tokens = await decode.metric(
      "vllm:prompt_tokens_by_source_total",
      'source="external_kv_transfer"',
    );
    must(bytes > 0 && transfers > 0 && tokens > 0, `${transfers} transfers of ${bytes} bytes`);
    must(failed === 0, `${failed} transfers failed`);
    must(expired === 0, `the KV of ${expired} requests expired unread`);
    const params = await router.metric("pd_router_nixl_params_total", 'found="present"');
    const missing = await router.metric("pd_router_nixl_params_total", 'found="absent"');
    must(missing === 0, `${missing} prefill answers without kv_transfer_params`);
    for (const prefill of prefills) {
      const prompts = await prefill.metric("vllm:prompt_tokens_total");
      must(prompts > 0, `${prefill.name} computed no prompt`);
    }
    return `${transfers} transfers of ${mib(bytes)} MiB and ${tokens} prompt tokens to ` +
      `${decode.name}, 0 failed, 0 expired on ${prefills.length} prefill engines; ` +
      `${params} prefill legs answered with parameters`;
  });
  await checks.run(group, "KV moved, as the decode engine logs it", async () => {
    const log = await decode.process.output();
    const lines = log.split("\n").filter((line) => line.includes("KV Transfer metrics:"));
    const line = lines.findLast((each) => /Num successful transfers=[1-9]/.test(each)) ??
      lines.at(-1);
    must(line !== undefined, "no line of transfers in the log");
    return line.slice(line.indexOf("KV Transfer metrics:")).slice(0, 200);
  });
}

async function sum(engines: readonly RealEngine[], metric: string): Promise<number> {
  const values = await Promise.all(engines.map((engine) => engine.metric(metric)));
  return values.reduce((all, value) => all + value, 0);
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

/** Proof from the logs and metrics of LMCache and vLLM that every handoff moved KV. */
export async function checkLmcacheMoved(
  checks: Checks,
  group: string,
  router: RealRouter,
  sender: RealEngine,
  decode: RealEngine,
): Promise<void> {
  await checks.run(group, "KV moved, as LMCache and vLLM count it", async () => {
    const notified = await router.metric("pd_router_kv_notifications_total", 'result="completed"');
    const timedOut = await router.metric("pd_router_kv_wait_seconds_count", 'end="timeout"');
    must(notified > 0 && timedOut === 0, `${notified} notifications, ${timedOut} waited in vain`);
    const hits = await decode.metric("vllm:external_prefix_cache_hits_total");
    const stored = sumOfMatches(await sender.process.output(), /Stored (\d+) out of total \d+/g);
    const read = sumOfMatches(await decode.process.output(), /Retrieved (\d+) out of \d+/g);
    must(stored > 0 && read > 0 && hits > 0, `${stored} stored, ${read} read, ${hits} hits`);
    // Pages are free again only once they are read: so much would not have fitted.
    must(read > BUFFER_TOKENS, `only ${read} tokens for a buffer of ${BUFFER_TOKENS}`);
    must(await drained(router), "drains are left");
    return `${notified} notifications, none missed; ${decode.name} read ${read} tokens of KV through ` +
      `a buffer of ${BUFFER_TOKENS}, vLLM counts ${hits} external hits`;
  });
}

async function drained(router: RealRouter): Promise<boolean> {
  return await until(async () => await router.metric("pd_router_drains_pending") === 0, 10_000);
}

function sumOfMatches(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((sum, [, count]) => sum + Number(count), 0);
}
