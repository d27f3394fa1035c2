/** The router under test: the program itself, with the flags a user would give. @module */
import { post } from "./ask.ts";
import { MODEL, sumOf } from "./engine.ts";
import type { Processes, Running } from "./process.ts";

const root = new URL("../../", import.meta.url).pathname;
const START_MS = 30_000;

/** A router that serves. */
export interface RealRouter {
  readonly url: string;
  readonly process: Running;
  /** Requests by the route they took. */
  routes(): Promise<ReadonlyMap<string, number>>;
  metric(name: string, labels?: string): Promise<number>;
}

/** Good answers in a row after which all engines are taken to know each other. */
const WARM_ANSWERS = 6;
const WARM_MS = 120_000;

/**
 * Ask until every pair has moved KV: where cores are few, the first handshake of two engines can
 * take longer than the 5 s after which vLLM gives up a request. Gives how many were given up.
 */
export async function warmUp(router: RealRouter): Promise<number> {
  const deadline = performance.now() + WARM_MS;
  let failed = 0;
  for (let good = 0; good < WARM_ANSWERS;) {
    if (performance.now() > deadline) throw new Error("The engines do not get to know each other");
    const body = { model: MODEL, prompt: `Warm-up ${good}`, max_tokens: 2 };
    const answer = await post(`${router.url}/v1/completions`, body);
    await answer.body?.cancel();
    if (answer.status === 200) good++;
    else {
      good = 0;
      failed++;
    }
  }
  return failed;
}

/** Start a router on `port` with `flags`, by the program `by` and its arguments; resolves when it serves. */
export async function startRouter(
  processes: Processes,
  logs: string,
  name: string,
  port: number,
  flags: readonly string[],
  by: readonly string[] = [],
): Promise<RealRouter> {
  const [command = Deno.execPath(), ...rest] = [...by, Deno.execPath()];
  const process = processes.start({
    name,
    command,
    args: [
      ...rest,
      ...["run", "--frozen", "--no-check", "--allow-all", `${root}main.ts`],
      ...["--host", "127.0.0.1", "--port", String(port), ...flags],
    ],
    log: `${logs}/${name}.log`,
  });
  const url = `http://127.0.0.1:${port}`;
  await process.serving(`${url}/v1/models`, START_MS);
  const metrics = async (): Promise<string> => await (await fetch(`${url}/metrics`)).text();
  return {
    url,
    process,
    metric: async (metric, labels = "") => sumOf(await metrics(), metric, labels),
    routes: async () => {
      const counts = new Map<string, number>();
      const samples = (await metrics()).matchAll(
        /^pd_router_requests_total\{.*route="(\w+)".*\} (\d+)$/gm,
      );
      for (const [, route = "", count] of samples) {
        counts.set(route, (counts.get(route) ?? 0) + Number(count));
      }
      return counts;
    },
  };
}
