/** The router under test: the program itself, with the flags a user would give. @module */
import { sumOf } from "./engine.ts";
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

/** Start a router on `port` with `flags`; resolves when it serves. */
export async function startRouter(
  processes: Processes,
  logs: string,
  name: string,
  port: number,
  flags: readonly string[],
): Promise<RealRouter> {
  const process = processes.start({
    name,
    command: Deno.execPath(),
    args: [
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
