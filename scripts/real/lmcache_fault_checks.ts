/** Clients that leave, and requests beside a handoff, while LMCache holds KV. @module */
import { ask, textOf } from "./ask.ts";
import { type Checks, must } from "./check.ts";
import type { RealEngine } from "./engine.ts";
import type { Gate } from "./gate.ts";
import { holdOne, leaveAt, PATH, request } from "./held.ts";
import { pause, until } from "./process.ts";
import type { RealRouter } from "./router.ts";

/** Two engines behind gates, and a router with `--lmcache-tag-direct` that knows the gates. */
export interface LmcacheFaultRun {
  readonly group: string;
  readonly router: RealRouter;
  readonly single: RealEngine;
  readonly decode: RealEngine;
  readonly prefillGate: Gate;
  readonly decodeGate: Gate;
}

/** Longest wait for KV to be read, the drain's own waits among it. */
const READ_MS = 45_000;

/** One row for each. */
export async function checkLmcacheFaults(checks: Checks, run: LmcacheFaultRun): Promise<void> {
  const row = (name: string, check: (run: LmcacheFaultRun) => Promise<string>): Promise<void> =>
    checks.run(run.group, name, () => check(run));
  await row("client gone during the prefill", (each) => leave(each, each.prefillGate, 31));
  await row("client gone between the legs", (each) => leave(each, each.decodeGate, 32));
  await row("a direct request with the prompt of a handoff, tagged", besideHandoff);
}

async function leave(run: LmcacheFaultRun, gate: Gate, seed: number): Promise<string> {
  const { router, decode } = run;
  const startedAt = performance.now();
  const before = await hits(decode);
  const { held, release } = holdOne([gate]);
  await leaveAt(router, request(seed, { stream: true }), held);
  await pause(500);
  release();
  const read = await until(async () => await hits(decode) > before, READ_MS);
  must(read, "the KV was not read");
  must(await until(() => quiet(router), READ_MS), "the router still keeps something");
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  return `${
    await hits(decode) - before
  } tokens of KV read all the same, nothing left after ${seconds} s`;
}

async function quiet(router: RealRouter): Promise<boolean> {
  const names = ["inflight_requests", "drains_pending", "kv_waiters"];
  const values = await Promise.all(names.map((name) => router.metric(`pd_router_${name}`)));
  return values.every((value) => value === 0);
}

/** Two samples read KV twice, which ends an engine where the tag does not keep them from it. */
async function besideHandoff(
  { router, single, decode, decodeGate }: LmcacheFaultRun,
): Promise<string> {
  const body = request(33);
  const twice = { ...body, n: 2, temperature: 0.7, seed: 5 };
  const right = await ask(single.url + PATH, body);
  const rightTwice = await ask(single.url + PATH, twice);
  const { held, release } = holdOne([decodeGate]);
  const answer = ask(router.url + PATH, body);
  await held;
  decodeGate.hold(() => undefined);
  const before = await hits(decode);
  const direct = await ask(router.url + PATH, twice);
  const between = await hits(decode);
  release();
  const ours = await answer;
  const after = await hits(decode);
  must(direct.status === 200 && ours.status === 200, `${direct.status} and ${ours.status}`);
  must(textOf(direct) === textOf(rightTwice), "another answer to the direct request");
  must(textOf(ours) === textOf(right), "another answer to the handoff");
  must(between === before, `the direct request read ${between - before} tokens of KV`);
  must(after > between, "the handoff's KV was not read");
  return `both equal; the direct request read none of the KV, the handoff ${
    after - between
  } tokens`;
}

async function hits(decode: RealEngine): Promise<number> {
  return await decode.metric("vllm:external_prefix_cache_hits_total");
}
