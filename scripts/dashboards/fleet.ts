/** What is scraped: simulated engines, a router that hands off between them, and its clients. @module */
import { type App, startApp } from "../../lib/app.ts";
import { silentLogger, sleep, systemClock, systemRandom } from "../../lib/base/mod.ts";
import { systemFigures } from "../../lib/cli/host_figures.ts";
import { resolveConfig } from "../../lib/config/mod.ts";
import { type SimEngine, type SimOptions, startSimEngine } from "../../lib/sim/mod.ts";

/** The engines' model. */
export const MODEL = "sim-model";

/** A fleet that serves. */
export interface Fleet extends AsyncDisposable {
  readonly router: App;
  readonly engines: readonly SimEngine[];
  /** Ask for answers of several kinds, one after another, until `stop` aborts. */
  ask(stop: AbortSignal): Promise<number>;
}

/** Quick, and slow enough for its times to be told apart from none. */
const PACE = { ttftMs: 10, itlMs: 4, prefillMsPerToken: 0.02, kvConnector: "nixl" } as const;

/** Two engines of each role, and a router. */
export async function startFleet(): Promise<Fleet> {
  const ports = { clock: systemClock(), random: systemRandom(), log: silentLogger() };
  await using stack = new AsyncDisposableStack();
  const start = async (role: SimOptions["role"]): Promise<SimEngine> =>
    stack.use(await startSimEngine({ ...PACE, role, models: [MODEL] }, ports));
  const prefills = [await start("prefill"), await start("prefill")];
  const decodes = [await start("decode"), await start("decode")];
  const resolved = resolveConfig({
    flags: new Map([
      ["host", ["127.0.0.1"]],
      ["port", ["0"]],
      ["kv-protocol", ["nixl"]],
      ["engine-stats-interval", ["1"]],
      ["prefill", prefills.map(({ url }) => url)],
      ["decode", decodes.map(({ url }) => url)],
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
    ask: (stop) => askUntil(`http://127.0.0.1:${router.address.port}`, stop, ports.clock),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Between two requests, in milliseconds. */
const PAUSE_MS = 20;

async function askUntil(
  url: string,
  stop: AbortSignal,
  clock: ReturnType<typeof systemClock>,
): Promise<number> {
  let asked = 0;
  while (!stop.aborted) {
    const prompt = `${"A prompt that is known already, in part. ".repeat(4)}${asked}`;
    // Not in step with two engines that take turns.
    const stream = asked % 3 === 0;
    const response = await fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: MODEL, prompt, max_tokens: 12, stream }),
    });
    await response.body?.pipeTo(new WritableStream());
    if (response.status !== 200) throw new Error(`The router answered ${response.status}`);
    asked++;
    await sleep(clock, PAUSE_MS, stop);
  }
  return asked;
}
