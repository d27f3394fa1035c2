/** What requests wait while one of two prefill engines is frozen. @module */
import { type Child, type Children, freePorts, pause } from "../child.ts";
import { quantile } from "../figures.ts";
import { type Asked, requestBytes } from "./lanes.ts";
import { runLoad } from "../load.ts";
import { figure, tableText } from "../table.ts";

const MAIN = new URL("../../../main.ts", import.meta.url).pathname;
const MODEL = "sim-model";

/** Requests at a time, and how long each phase lasts. */
const CONNECTIONS = 16;
const PHASE_MS = { full: 20_000, quick: 4_000 } as const;

/** Time that is allowed for finding out, in milliseconds, and the ratio that is besides. */
const DETECTION_MS = 3_000;
const RATIO = 1.5;

const ASKED: Asked = { stream: false, tokens: 16 };

interface Row {
  readonly phase: string;
  readonly latencies: readonly number[];
}

/** Latencies of handoffs before, while, and after one of two prefill engines is stopped (`SIGSTOP`). */
export async function frozenText(children: Children, quick: boolean): Promise<string> {
  const { port, victim } = await startPairs(children);
  const ask = {
    port,
    request: requestBytes(MODEL, "chat", ASKED),
    connections: CONNECTIONS,
    durationMs: quick ? PHASE_MS.quick : PHASE_MS.full,
  };
  const phase = async (name: string): Promise<Row> => ({
    phase: name,
    latencies: (await runLoad(ask)).latencies,
  });
  await runLoad({ ...ask, durationMs: 2_000 });
  const before = await phase("both answer");
  const frozen = runLoad(ask);
  await pause(ask.durationMs / 10);
  Deno.kill(victim.pid, "SIGSTOP");
  const rows = [before, { phase: "one is frozen", latencies: (await frozen).latencies }];
  rows.push(await phase("it stays frozen"));
  Deno.kill(victim.pid, "SIGCONT");
  rows.push(await phase("it answers again"));
  const p99 = (at: number): number => quantile(rows[at]?.latencies ?? [], 0.99);
  const allowed = RATIO * p99(0) + DETECTION_MS;
  const table = tableText([
    { title: "ms, handoffs", text: ({ phase: name }) => name },
    { title: "requests", text: ({ latencies }) => String(latencies.length) },
    { title: "p50", text: ({ latencies }) => figure(quantile(latencies, 0.5), 1) },
    { title: "p99", text: ({ latencies }) => figure(quantile(latencies, 0.99), 1) },
    { title: "most", text: ({ latencies }) => figure(quantile(latencies, 1), 0) },
  ], rows);
  return `${table}\np99 with one frozen: ${figure(p99(1), 1)} of ${figure(allowed, 1)} ms allowed`;
}

/** Two prefill and two decode engines, and a router before them. */
async function startPairs(
  children: Children,
): Promise<{ readonly port: number; readonly victim: Child }> {
  const [port = 0, notify = 0, p1 = 0, p2 = 0, d1 = 0, d2 = 0, ...receivers] = freePorts(10);
  const waits: Promise<void>[] = [];
  const start = (args: readonly (string | number)[], at: number): Child => {
    const child = children.start(MAIN, args);
    waits.push(child.serving(at, "/v1/models"));
    return child;
  };
  const sim = (role: string, at: number, ...more: readonly (string | number)[]): Child =>
    start(["sim", "--role", role, "--port", at, "--log-level", "error", ...more], at);
  const proxy = ["--proxy-host", "127.0.0.1", "--proxy-port", notify];
  const victim = sim("prefill", p1, ...proxy);
  sim("prefill", p2, ...proxy);
  const [i1 = 0, a1 = 0, i2 = 0, a2 = 0] = receivers;
  sim("decode", d1, "--init-port", i1, "--alloc-port", a1);
  sim("decode", d2, "--init-port", i2, "--alloc-port", a2);
  await Promise.all(waits.splice(0));
  const url = (at: number): string => `http://127.0.0.1:${at}`;
  start([
    ...["--host", "127.0.0.1", "--port", port, "--log-level", "error"],
    ...["--nixl-proxy-host", "127.0.0.1", "--nixl-proxy-port", notify],
    ...["--prefill", url(p1), "--prefill", url(p2)],
    ...["--decode", `${url(d1)};init=${i1};alloc=${a1}`],
    ...["--decode", `${url(d2)};init=${i2};alloc=${a2}`],
  ], port);
  await Promise.all(waits.splice(0));
  return { port, victim };
}
