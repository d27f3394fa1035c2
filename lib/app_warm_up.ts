/**
 * The warm-up: a second router of the same configuration, before engines and clients in memory, so that
 * the code of requests is compiled before anybody waits for it.
 *
 * It shares nothing with the router that serves but its code: counts, logs, limits and engines are its own,
 * and it opens no socket and no file. What of the configuration would have it do so is left out.
 * @module
 */
import { startApp } from "./app.ts";
import type { WarmUp } from "./app_warming.ts";
import {
  type Clock,
  type Engine,
  type Logger,
  type Random,
  silentLogger,
  sleep,
} from "./base/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import { staticSource } from "./fleet/mod.ts";
import { startHttp1 } from "./front/mod.ts";
import { orAborted } from "./request/mod.ts";
import { ASKS, dialMemory, MemoryClient, MemoryListener, MemoryPull } from "./warm_up/mod.ts";

/** How long it may take at most, in milliseconds: it ends with the round that is under way then. */
const LONGEST_MS = 900;

/**
 * Rounds, in each of which every client asks for everything once. With 25, a first request still costs
 * half as much again as a later one.
 */
const ROUNDS = 60;
const CLIENTS = 4;

/** How long it rests behind each few requests while somebody waits for an answer, in milliseconds. */
const REST_MS = 5;

/** What came of it. */
export interface WarmedUp {
  readonly requests: number;
  /** Requests that were not answered well. */
  readonly failed: number;
  readonly ms: number;
}

/** Warm up for `config`, until `signal` aborts. Rejects where the second router cannot be started. */
export async function warmUp(
  config: RouterConfig,
  { clock, random, signal, busy = () => false }: {
    readonly clock: Clock;
    readonly random: Random;
    readonly signal: AbortSignal;
    /**
     * Whether somebody waits for an answer: each step of one would wait for a few requests of these.
     * @default never
     */
    readonly busy?: () => boolean;
  },
): Promise<WarmedUp> {
  const since = clock.now();
  const listener = new MemoryListener();
  const pull = new MemoryPull();
  const engines = enginesOf(config);
  await using app = await startApp(rehearsalOf(config, engines), {
    clock,
    random,
    log: silentLogger(),
    sources: [staticSource(engines)],
    bindPull: pull.bind,
    dial: dialMemory((reqId) => pull.notify(reqId)),
    front: (options, handler) =>
      startHttp1(options, handler, {
        clock,
        listen: () => listener,
        takeDescriptor: () => ({ close: () => {} }),
      }),
  });
  await orAborted(app.probed, signal);
  const clients = Array.from({ length: CLIENTS }, () => new MemoryClient(listener.connect()));
  const leave = (): void => {
    for (const client of clients) client[Symbol.dispose]();
  };
  signal.addEventListener("abort", leave);
  const statuses: number[] = [];
  for (let turn = 0; turn < ROUNDS * ASKS.length; turn++) {
    const request = ASKS[turn % ASKS.length];
    if (request === undefined || signal.aborted || clock.now() - since > LONGEST_MS) break;
    statuses.push(...await Promise.all(clients.map((client) => client.ask(request))));
    // What others have waiting meanwhile has its turn, and an answer, which takes many turns, goes on.
    await sleep(clock, busy() ? REST_MS : 0, signal);
  }
  signal.removeEventListener("abort", leave);
  leave();
  const failed = statuses.filter((status) => status !== 200).length;
  return { requests: statuses.length, failed, ms: clock.now() - since };
}

/** The warm-up for `config`, that says in `log` what came of it. */
export function warmingUp(
  config: RouterConfig,
  parts: { readonly clock: Clock; readonly random: Random; readonly log: Logger },
): WarmUp {
  return async (signal, busy) => {
    const warmed = await warmUp(config, { ...parts, signal, busy });
    parts.log.debug("Warmed up", () => ({ ...warmed }));
  };
}

/** One engine for whole requests, or a pair for each mode in use. */
function enginesOf({ handoff, engines }: RouterConfig): readonly Engine[] {
  const { kind } = handoff;
  const models: readonly string[] = [];
  if (kind === "none") return [{ id: "any", url: "http://any", role: "any", models, kv: kind }];
  const modes = [...new Set(engines.flatMap(({ nixl }) => nixl?.modes ?? []))];
  const prefill: Engine = {
    id: "prefill",
    url: "http://prefill",
    role: "prefill",
    models,
    kv: kind,
  };
  const decode: Engine = { id: "decode", url: "http://decode", role: "decode", models, kv: kind };
  if (kind !== "lmcache") return [prefill, decode];
  const receivers = (modes.length === 0 ? ["p1"] as const : modes).map((mode): Engine => ({
    ...decode,
    id: mode,
    url: `http://${mode}`,
    nixl: { host: "127.0.0.1", initPorts: [1], allocPorts: [2], modes: [mode] },
  }));
  return [prefill, ...receivers];
}

/**
 * As much of `config` as says how requests are served: nothing that reaches out of the process, lets in or
 * keeps anything.
 */
function rehearsalOf(config: RouterConfig, engines: readonly Engine[]): RouterConfig {
  const { listen, routing, handoff, tokenize, timeouts, clients, health, requests } = config;
  const { admission, descriptors, drainTimeoutMs, lifecycle, maxRequestBytes, buffers } = config;
  const { trustClientKvParams, lmcacheTagDirect, stats, log, answers, doors, discovery, observe } =
    config;
  return {
    ...{ listen, rootPath: "", engines, aliases: new Map(), routing, handoff, tokenize, timeouts },
    ...{ clients, health, requests, admission, descriptors, drainTimeoutMs, lifecycle },
    ...{ maxRequestBytes, buffers, trustClientKvParams, lmcacheTagDirect, log },
    discovery: { rules: discovery.rules, listed: [] },
    answers: { ...answers, allowedOrigins: [] },
    stats: { ...stats, log: false },
    observe: { ...observe, accessShare: 0 },
    doors: {
      keys: { given: [], open: [] },
      engineTls: {},
      allowLinkLocalEngines: false,
      notifications: doors.notifications,
      trustedProxies: [],
    },
  };
}
