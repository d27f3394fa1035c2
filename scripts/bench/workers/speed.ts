/** What several processes bring: the same load before one and before two, in turn. @module */
import { Children } from "../child.ts";
import { median } from "../figures.ts";
import { type LoadResult, runLoad } from "../load.ts";
import { readProcessStat } from "../process_stat.ts";
import { encodeUtf8 } from "../../../lib/base/mod.ts";
import { FAST_MODEL } from "../fast_answers.ts";

/** One number of processes. */
export interface SpeedResult {
  readonly workers: number;
  /** Requests a second, and CPU milliseconds for each of all processes of the router together. */
  readonly rate: number;
  readonly cpuMs: number;
  /** The share of the CPU time that the busiest process had: all else can go on beside it. */
  readonly busiest: number;
}

const ENGINE = new URL("../fast_engine.ts", import.meta.url).pathname;
const MAIN = new URL("../../../main.ts", import.meta.url).pathname;
const CONNECTIONS = 32;

/** Measure each of `counts`, `rounds` times in turn; medians. */
export async function measureSpeed(
  counts: readonly number[],
  rounds: number,
  durationMs: number,
): Promise<readonly SpeedResult[]> {
  await using children = new Children();
  const [notify = 0, engine = 0, ...ports] = freePorts(2 + counts.length);
  children.start(ENGINE, [notify, engine]);
  const lanes = counts.map((workers, index) => {
    const port = ports[index] ?? 0;
    const child = children.start(MAIN, [
      `--workers=${workers}`,
      "--host=127.0.0.1",
      `--port=${port}`,
      "--routing-logic=roundrobin",
      "--service-discovery=static",
      `--static-backends=http://127.0.0.1:${engine}`,
      `--static-models=${FAST_MODEL}`,
      "--log-level=warning",
    ]);
    return {
      workers,
      port,
      child,
      rates: [] as number[],
      cpus: [] as number[],
      busy: [] as number[],
    };
  });
  for (const { port, child } of lanes) await child.serving(port, "/ready");
  for (let round = 0; round <= rounds; round++) {
    for (const { port, child, rates, cpus, busy } of lanes) {
      const before = cpuOf(child.pid);
      const { requests, seconds, allRequests } = await load(port, round === 0 ? 2_000 : durationMs);
      // The first warms up.
      if (round === 0) continue;
      const spent = [...cpuOf(child.pid)].map(([pid, cpu]) => cpu - (before.get(pid) ?? 0));
      const all = spent.reduce((sum, each) => sum + each, 0);
      rates.push(requests / seconds);
      cpus.push(all * 1000 / allRequests);
      busy.push(Math.max(...spent) / all);
    }
  }
  return lanes.map(({ workers, rates, cpus, busy }) => ({
    workers,
    rate: median(rates),
    cpuMs: median(cpus),
    busiest: median(busy),
  }));
}

function load(port: number, durationMs: number): Promise<LoadResult> {
  const body = JSON.stringify({
    model: FAST_MODEL,
    messages: [{ role: "user", content: "x".repeat(900) }],
    max_tokens: 16,
  });
  const request = encodeUtf8(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  return runLoad({ port, request, connections: CONNECTIONS, durationMs });
}

/** CPU seconds of the process and of its children, each by its id. */
function cpuOf(pid: number): ReadonlyMap<number, number> {
  const found = new Map([[pid, readProcessStat(pid).cpuSeconds]]);
  for (const thread of Deno.readDirSync(`/proc/${pid}/task`)) {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${thread.name}/children`);
    for (const child of text.split(" ").filter((each) => each.trim() !== "").map(Number)) {
      found.set(child, readProcessStat(child).cpuSeconds);
    }
  }
  return found;
}

function freePorts(count: number): readonly number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}
