/** A router with an admin listener between simulated engines, in this process, as the demo has it. @module */
import { type App, startApp } from "../../../lib/app.ts";
import { seededRandom, silentLogger, systemClock } from "../../../lib/base/mod.ts";
import { resolveConfig } from "../../../lib/config/mod.ts";
import { type SimEngine, type SimOptions, startSimEngine } from "../../../lib/sim/mod.ts";
import { freePorts } from "../../bench/child.ts";

/** The model of all engines. */
export const MODEL = "sim-model";

const RANKS = 2;

/** Slow enough to be seen. */
const PACE = { ttftMs: 25, prefillMsPerToken: 0.35, itlMs: 14, notify: 14 } as const;

/** What it is made of. */
export interface FleetShape {
  readonly prefills: number;
  readonly decodes: number;
  /** Of the engines. */
  readonly pace?: Partial<SimOptions>;
  /** Flags of the router besides. */
  readonly flags?: Readonly<Record<string, readonly string[]>>;
}

/** It runs. */
export interface Fleet extends AsyncDisposable {
  readonly prefills: readonly SimEngine[];
  readonly decodes: readonly SimEngine[];
  readonly url: string;
  /** Where the page is. */
  readonly admin: string;
  /** End the router, and the engines not. */
  stopRouter(): Promise<void>;
  /** Start it again, where it was. */
  startRouter(): Promise<void>;
  /** End one engine. */
  end(engine: SimEngine): Promise<void>;
}

/** Start it. */
export async function startFleet(shape: FleetShape): Promise<Fleet> {
  const [clock, log] = [systemClock(), silentLogger()];
  await using stack = new AsyncDisposableStack();
  const [port = 0, adminPort = 0, proxyPort = 0] = freePorts(3);
  const engines = new Set<SimEngine>();
  stack.defer(async () => {
    await Promise.all([...engines].map((engine) => engine[Symbol.asyncDispose]()));
  });
  const start = async (options: Partial<SimOptions>, seed: number): Promise<SimEngine> => {
    const own = { ...PACE, ranks: RANKS, models: [MODEL], ...shape.pace, ...options };
    const engine = await startSimEngine(own, { clock, random: seededRandom(seed), log });
    engines.add(engine);
    return engine;
  };
  const sender = { role: "prefill", proxyHost: "127.0.0.1", proxyPort } as const;
  const prefills: SimEngine[] = [];
  const decodes: SimEngine[] = [];
  for (let at = 0; at < shape.prefills; at++) prefills.push(await start(sender, 100 + at));
  for (let at = 0; at < shape.decodes; at++) {
    decodes.push(await start({ role: "decode" }, 200 + at));
  }
  const config = resolveConfig({
    flags: new Map<string, readonly string[]>([
      ["host", ["127.0.0.1"]],
      ["port", [`${port}`]],
      ["admin-listen", [`127.0.0.1:${adminPort}`]],
      ["nixl-proxy-host", ["127.0.0.1"]],
      ["nixl-proxy-port", [`${proxyPort}`]],
      ["prefill", prefills.map(({ url }) => url)],
      ["decode", decodes.map(specOf)],
      ...Object.entries(shape.flags ?? {}),
    ]),
    env: () => undefined,
  });
  if (!config.ok) throw new Error(config.problems.map(({ message }) => message).join("; "));
  let app: App | undefined;
  const startRouter = async (): Promise<void> => {
    app = await startApp(config.config, { clock, random: seededRandom(7), log });
    await app.probed;
  };
  const stopRouter = async (): Promise<void> => {
    await app?.[Symbol.asyncDispose]();
    app = undefined;
  };
  stack.defer(stopRouter);
  await startRouter();
  const parts = stack.move();
  return {
    ...{ prefills, decodes, startRouter, stopRouter },
    url: `http://127.0.0.1:${port}`,
    admin: `http://127.0.0.1:${adminPort}/`,
    async end(engine) {
      engines.delete(engine);
      await engine[Symbol.asyncDispose]();
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

function specOf({ url, initPorts, allocPorts }: SimEngine): string {
  return `${url};init=${initPorts.join(",")};alloc=${allocPorts.join(",")}`;
}
