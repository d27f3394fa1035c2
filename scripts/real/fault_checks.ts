/** Clients that leave and engines that die, with KV in flight. @module */
import { ask, post, textOf } from "./ask.ts";
import { type Checks, must } from "./check.ts";
import { LEASE_SECONDS, type RealEngine } from "./engine.ts";
import type { Gate } from "./gate.ts";
import { holdOne, leaveAt, PATH, request } from "./held.ts";
import { pause, until } from "./process.ts";
import type { RealRouter } from "./router.ts";
import { readEvents } from "./streams.ts";

/** Engines behind gates, and the router that knows the gates. */
export interface FaultRun {
  readonly group: string;
  readonly router: RealRouter;
  readonly single: RealEngine;
  readonly prefills: readonly RealEngine[];
  readonly decode: RealEngine;
  readonly prefillGates: readonly Gate[];
  readonly decodeGate: Gate;
  /** Where prefill engine `index` is reached by its peers. */
  readonly sidePorts: readonly number[];
}

/** Tokens of an answer that is broken off. */
const MANY_TOKENS = 1_400;

/** How long the router may take to pass a departure on. */
const ROUTER_MS = 1_000;

/** Time that engines need to notice, beyond the lease. */
const NOTICE_MS = 10_000;

/** One row for each; the last ones end engines. */
export async function checkFaults(checks: Checks, run: FaultRun): Promise<void> {
  const row = (name: string, check: (run: FaultRun) => Promise<string>): Promise<void> =>
    checks.run(run.group, name, () => check(run));
  await row("client gone during the prefill", leaveDuringPrefill);
  await row("client gone between the legs", leaveBetweenLegs);
  await row("client gone during the answer, streamed", leaveDuringStream);
  await row("prefill engine killed between the legs", killPrefill);
  await row("requests after it", afterKill);
  await row("decode engine killed during the answer", killDecode);
}

/** Give the request up, and wait until no engine holds anything for it. */
async function nothingLeft(run: FaultRun): Promise<string> {
  const startedAt = performance.now();
  const engines = [...run.prefills, run.decode].filter(({ process }) => !process.ended);
  const busy = async (): Promise<readonly string[]> =>
    (await Promise.all(engines.map(async (engine) => {
      const running = await engine.metric("vllm:num_requests_running");
      const waiting = await engine.metric("vllm:num_requests_waiting");
      const usage = await engine.metric("vllm:kv_cache_usage_perc");
      return running + waiting + usage > 0
        ? [`${engine.name}: ${running} running, ${waiting} waiting, KV ${usage}`]
        : [];
    }))).flat();
  const limit = LEASE_SECONDS * 1000 + NOTICE_MS;
  const free = await until(async () => (await busy()).length === 0, limit);
  must(free, `after ${limit / 1000} s still ${(await busy()).join("; ")}`);
  must(
    await until(async () => await run.router.metric("pd_router_inflight_requests") === 0, 2000),
    "the router still counts a request",
  );
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  return `every engine idle and its blocks free after ${seconds} s (lease ${LEASE_SECONDS} s)`;
}

async function leaveDuringPrefill(run: FaultRun): Promise<string> {
  const { held, release } = holdOne(run.prefillGates);
  await leaveAt(run.router, request(1, { stream: true }), held);
  await pause(500);
  release();
  return await nothingLeft(run);
}

async function leaveBetweenLegs(run: FaultRun): Promise<string> {
  const { held, release } = holdOne([run.decodeGate]);
  await leaveAt(run.router, request(2, { stream: true }), held);
  await pause(500);
  release();
  return await nothingLeft(run);
}

async function leaveDuringStream(run: FaultRun): Promise<string> {
  const leaving = new AbortController();
  const body = request(3, { stream: true, max_tokens: MANY_TOKENS, ignore_eos: true });
  const response = await post(run.router.url + PATH, body, leaving.signal);
  const before = await run.decode.metric("vllm:generation_tokens_total");
  await readEvents(response, 5);
  const leftAt = performance.now();
  leaving.abort();
  const seen = await nothingLeft(run);
  const made = await run.decode.metric("vllm:generation_tokens_total") - before;
  must(made < MANY_TOKENS, "the decode engine made the answer to its end");
  const ms = (run.decodeGate.leftAt ?? Infinity) - leftAt;
  must(ms < ROUTER_MS, `the router let go of the decode engine after ${ms.toFixed(0)} ms`);
  return `${seen}; the router let go of the decode engine within ${ms.toFixed(0)} ms, ` +
    `which made ${made} of ${MANY_TOKENS} tokens`;
}

async function killPrefill(run: FaultRun): Promise<string> {
  const body = request(4);
  const right = await ask(run.single.url + PATH, body);
  const { held, release } = holdOne([run.decodeGate]);
  const startedAt = performance.now();
  const answer = ask(run.router.url + PATH, body);
  const { kv_transfer_params: params } = JSON.parse(await held);
  const index = run.sidePorts.indexOf(params?.remote_port);
  const victim = run.prefills[index];
  must(victim !== undefined, `no prefill engine at ${params?.remote_port}`);
  await victim.process.kill();
  release();
  const ours = await answer;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (ours.status === 200) {
    must(textOf(ours) === textOf(right), `another answer: ${JSON.stringify(ours.answer)}`);
    return `${victim.name} killed: the right answer after ${seconds} s`;
  }
  const error = JSON.stringify(ours.answer);
  must(ours.status >= 500 && error.includes('"message"'), `${ours.status} ${error}`);
  return `${victim.name} killed: ${ours.status} after ${seconds} s: ${error}`;
}

async function afterKill(run: FaultRun): Promise<string> {
  const alive = run.prefills.filter(({ process }) => !process.ended).length;
  for (let seed = 10; seed < 16; seed++) {
    const body = request(seed);
    const right = await ask(run.single.url + PATH, body);
    const ours = await ask(run.router.url + PATH, body);
    must(ours.status === 200, `${ours.status}: ${JSON.stringify(ours.answer)}`);
    must(textOf(ours) === textOf(right), `another answer: ${JSON.stringify(ours.answer)}`);
  }
  return `6 of 6 right, with ${alive} of ${run.prefills.length} prefill engines left`;
}

async function killDecode(run: FaultRun): Promise<string> {
  const body = request(20, { stream: true, max_tokens: MANY_TOKENS, ignore_eos: true });
  const response = await post(run.router.url + PATH, body);
  const reader = await readEvents(response, 5);
  const startedAt = performance.now();
  await run.decode.process.kill();
  const rest = await reader.rest();
  const ms = (performance.now() - startedAt).toFixed(0);
  const events = rest.split("\n\n").filter((part) => part.startsWith("data: "));
  const error = events.find((part) => part.includes('"error"'));
  must(error !== undefined, `no error event; it ended in ${JSON.stringify(events.at(-1))}`);
  const refused = await ask(run.router.url + PATH, request(21));
  must(refused.status >= 500, `a request after it: ${refused.status}`);
  return `the stream ended after ${ms} ms with ${
    error.slice(6)
  }; the next request ${refused.status}`;
}
