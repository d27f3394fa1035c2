/**
 * A fleet in which everything happens that the router's own dashboard shows: LMCache's engines that lose
 * notifications, do not find KV and fail, one that is not there, more clients than there is room for.
 * @module
 */
import { type App, startApp } from "../../lib/app.ts";
import { type Clock, silentLogger, sleep, systemClock, systemRandom } from "../../lib/base/mod.ts";
import { systemFigures } from "../../lib/cli/host_figures.ts";
import { resolveConfig } from "../../lib/config/mod.ts";
import { noFaults, type SimEngine, type SimOptions, startSimEngine } from "../../lib/sim/mod.ts";
import { freePort } from "../../tests/support/cluster.ts";
import type { Fleet } from "./fleet.ts";

const MODEL = "sim-model";

/** Slow enough for requests to have to wait for one another. */
const PACE = { ttftMs: 10, itlMs: 8, prefillMsPerToken: 0.05, promptTokensDetails: true } as const;

/** Two engines of each role and the faults of each, so rare that most requests are answered. */
const FAULTS = {
  prefill: [{ dropNotification: 0.1 }, { duplicateNotification: 0.1, dieBeforeAnswer: 0.05 }],
  decode: [{ ignoreKv: 0.3 }, { errorAnswer: 0.02 }],
} as const;

/** Clients at a time. */
const CLIENTS = 10;

/** Between two requests of one client, in milliseconds. */
const PAUSE_MS = 15;

/** Longer than a chunk of LMCache's, so that KV has to be found. */
const PROMPT = "A prompt that is long enough for KV of it to have to come. ".repeat(40);

/** Start it. */
export async function startTroubledFleet(): Promise<Fleet> {
  const ports = { clock: systemClock(), random: systemRandom(), log: silentLogger() };
  await using stack = new AsyncDisposableStack();
  const proxyPort = freePort();
  const start = async (options: Partial<SimOptions>): Promise<SimEngine> =>
    stack.use(await startSimEngine({ ...PACE, models: [MODEL], ...options }, ports));
  const prefills: SimEngine[] = [];
  const decodes: SimEngine[] = [];
  for (const fault of FAULTS.prefill) {
    const faults = { ...noFaults(), ...fault };
    prefills.push(await start({ role: "prefill", proxyHost: "127.0.0.1", proxyPort, faults }));
  }
  for (const fault of FAULTS.decode) {
    decodes.push(await start({ role: "decode", faults: { ...noFaults(), ...fault } }));
  }
  const missing = `http://127.0.0.1:${freePort()};init=1;alloc=2;model=${MODEL}`;
  const resolved = resolveConfig({
    flags: new Map([
      ["host", ["127.0.0.1"]],
      ["port", ["0"]],
      ["nixl-proxy-host", ["127.0.0.1"]],
      ["nixl-proxy-port", [String(proxyPort)]],
      ["nixl-kv-ready-timeout", ["0.5"]],
      ["engine-stats-interval", ["1"]],
      ["max-inflight", ["3"]],
      ["max-prefill-inflight", ["3"]],
      ["queue-size", ["2"]],
      ["prefill", prefills.map(({ url }) => url)],
      ["decode", [...decodes.map(decodeSpec), missing]],
    ]),
    env: () => undefined,
  });
  if (!resolved.ok) throw new Error(resolved.problems.map(({ message }) => message).join("; "));
  const router = stack.use(await startApp(resolved.config, { ...ports, host: systemFigures() }));
  await router.probed;
  const parts = stack.move();
  return {
    router,
    engines: [...prefills, ...decodes],
    ask: async (stop) => {
      const clients = Array.from({ length: CLIENTS }, (_, at) => askUntil(router, at, stop, ports));
      return (await Promise.all(clients)).reduce((sum, asked) => sum + asked, 0);
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

function decodeSpec({ url, initPorts, allocPorts }: SimEngine): string {
  return `${url};init=${initPorts.join()};alloc=${allocPorts.join()}`;
}

/** One client: what it is answered does not matter. */
async function askUntil(
  { address: { port } }: App,
  client: number,
  stop: AbortSignal,
  { clock }: { readonly clock: Clock },
): Promise<number> {
  let asked = 0;
  while (!stop.aborted) {
    // Some ask for what is not handed off, and some for nothing that can be read.
    if (asked % 20 === 19) await sayNonsense(port);
    const several = asked % 10 === 9;
    // And some leave.
    const leaves = asked % 10 === 4;
    const response = await fetch(`http://127.0.0.1:${port}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model: MODEL,
        prompt: `${client} ${asked} ${PROMPT}`,
        max_tokens: 12,
        ...(several ? { n: 2 } : { stream: true, stream_options: { include_usage: true } }),
      }),
    });
    if (leaves) await leave(response);
    else await response.body?.pipeTo(new WritableStream()).catch(streamEnded);
    asked++;
    await sleep(clock, PAUSE_MS, stop);
  }
  return asked;
}

/** Read the first bytes, and no more. */
async function leave({ body }: Response): Promise<void> {
  const reader = body?.getReader();
  await reader?.read();
  await reader?.cancel();
}

/** A stream that an engine broke is part of the picture. */
function streamEnded(error: unknown): void {
  if (!(error instanceof TypeError)) throw error;
}

async function sayNonsense(port: number): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode("NONSENSE\r\n\r\n"));
  await connection.read(new Uint8Array(256));
}
