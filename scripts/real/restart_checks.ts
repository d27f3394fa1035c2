/** Engines that die and are started anew, under a router that goes on with streams. @module */
import { ask, type Body, post, textOf } from "./ask.ts";
import { type Checks, must } from "./check.ts";
import type { RealEngine } from "./engine.ts";
import { PATH, request } from "./held.ts";
import { until } from "./process.ts";
import type { RealRouter } from "./router.ts";
import { readEvents, textOfEvents } from "./streams.ts";

/** Engines of one model, and the router before them. */
export interface RestartRun {
  readonly group: string;
  /** With `--continue-streams`. */
  readonly router: RealRouter;
  readonly single: RealEngine;
  prefill: RealEngine;
  /** Two; those that are there. */
  decodes: readonly RealEngine[];
  /** Start an engine of the same name, on the same ports. */
  readonly startAgain: (engine: RealEngine) => Promise<RealEngine>;
}

/** Tokens of the stream that is broken off, and events after which it is. */
const TOKENS = 300;
const EVENTS = 20;

/** Prompts that are tried, and how many of an answer's characters may be none. */
const FIRST_SEED = 40;
const SEEDS = 20;
const MOST_BROKEN = 8;

/** How long handoffs may take to come back once an engine serves again. */
const BACK_MS = 60_000;

/** One row for each; they stand on one another. */
export async function checkRestarts(checks: Checks, run: RestartRun): Promise<void> {
  const row = (name: string, check: (run: RestartRun) => Promise<string>): Promise<void> =>
    checks.run(run.group, name, () => check(run));
  await row("decode engine killed during a stream, which another goes on with", killDecode);
  await row("decode engine started anew", restartDecode);
  await row("prefill engine killed: one engine serves", killPrefill);
  await row("prefill engine started anew", restartPrefill);
}

async function killDecode(run: RestartRun): Promise<string> {
  const { body, right } = await textRequest(run);
  const stream = await readEvents(await post(run.router.url + PATH, body), EVENTS);
  const busy = await Promise.all(
    run.decodes.map((engine) => engine.metric("vllm:num_requests_running")),
  );
  const victim = run.decodes[busy.findIndex((running) => running > 0)];
  must(victim !== undefined, `no decode engine works on it: ${busy}`);
  const startedAt = performance.now();
  await victim.process.kill();
  const ours = textOfEvents(stream.begun + await stream.rest());
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  must(ours === right, `another answer: ${JSON.stringify(ours)} for ${JSON.stringify(right)}`);
  const continued = await run.router.metric(
    "pd_router_stream_continuations_total",
    'result="continued"',
  );
  must(continued > 0, "it was not gone on with: had it ended before?");
  return `${victim.name} killed after ${EVENTS} events: the right ${TOKENS} tokens, ${seconds} s later`;
}

/**
 * A request with the right answer to it, which is text for the most part: of random weights come bytes as
 * well that are no characters, and between two of these nobody can tell where to go on.
 */
async function textRequest(
  { single }: RestartRun,
): Promise<{ readonly body: Body; readonly right: string }> {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const body = request(seed, { stream: true, max_tokens: TOKENS, ignore_eos: true });
    const right = textOfEvents(await (await post(single.url + PATH, body)).text());
    if (right.split("\ufffd").length <= MOST_BROKEN) return { body, right };
  }
  throw new Error("Every answer has bytes that are no characters");
}

async function restartDecode(run: RestartRun): Promise<string> {
  const gone = run.decodes.find(({ process }) => process.ended);
  must(gone !== undefined, "no decode engine has gone");
  const engine = await run.startAgain(gone);
  run.decodes = run.decodes.map((each) => each === gone ? engine : each);
  const served = await engine.metric("vllm:request_success_total");
  const seconds = await rightUntil(
    run,
    60,
    async () => await engine.metric("vllm:request_success_total") > served,
  );
  return `${engine.name} takes handoffs again ${seconds} s after it serves; every answer right`;
}

async function killPrefill(run: RestartRun): Promise<string> {
  await run.prefill.process.kill();
  const before = (await run.router.routes()).get("direct") ?? 0;
  for (let seed = 80; seed < 84; seed++) await right(run, seed);
  const direct = ((await run.router.routes()).get("direct") ?? 0) - before;
  return `4 of 4 right, ${direct} of them by one engine`;
}

async function restartPrefill(run: RestartRun): Promise<string> {
  run.prefill = await run.startAgain(run.prefill);
  const handed = async (): Promise<number> => (await run.router.routes()).get("handoff_nixl") ?? 0;
  const before = await handed();
  const seconds = await rightUntil(run, 90, async () => await handed() > before);
  return `handoffs are back ${seconds} s after it serves; every answer right`;
}

/** Ask until `done`; every answer must be right. */
async function rightUntil(
  run: RestartRun,
  firstSeed: number,
  done: () => Promise<boolean>,
): Promise<string> {
  const startedAt = performance.now();
  let seed = firstSeed;
  const isDone = await until(async () => {
    await right(run, seed++);
    return await done();
  }, BACK_MS);
  must(isDone, `not within ${BACK_MS / 1000} s`);
  return ((performance.now() - startedAt) / 1000).toFixed(1);
}

async function right({ single, router }: RestartRun, seed: number): Promise<void> {
  const body = request(seed);
  const expected = await ask(single.url + PATH, body);
  const ours = await ask(router.url + PATH, body);
  must(ours.status === 200, `${ours.status}: ${JSON.stringify(ours.answer)}`);
  must(textOf(ours) === textOf(expected), `another answer: ${JSON.stringify(ours.answer)}`);
}
