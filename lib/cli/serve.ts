/** The life of a serving router: start, wait for a signal, drain, end. @module */
import type { App, AppPorts } from "../app.ts";
import { describeError, type Logger, sleep } from "../base/mod.ts";
import type { RouterConfig } from "../config/mod.ts";
import { engineText, foundText, handoffText } from "./check.ts";
import { INTERRUPTED, settled } from "./ending.ts";
import type { Signals } from "./signals.ts";

/** What serving needs of a router. */
export type ServingApp =
  & Pick<App, "address" | "admin" | "config" | "notifications" | "retire" | "drain" | "closed">
  & AsyncDisposable;

/** What serving uses. */
export interface ServeIo extends AppPorts {
  readonly signals: Signals;
  /** Starts the router; rejects when it cannot. */
  readonly start: (config: RouterConfig, ports: AppPorts) => Promise<ServingApp>;
  /** One line to standard error, whatever the log level. */
  readonly complain: (line: string) => void;
  /**
   * Says that it serves, and what.
   * @default lines of the log
   */
  readonly tellStart?: (config: RouterConfig, app: Started, log: Logger) => void;
}

/** What is told of a router that has started. */
export type Started = Pick<ServingApp, "address" | "admin" | "notifications"> & {
  /** Processes that serve; absent for this one. */
  readonly workers?: number;
};

/** How long after its deadline a drain, and then the stop, may still take. */
const GRACE_MS = 2000;

/**
 * Serve until a signal has come and the requests in flight have ended, or the drain deadline has.
 *
 * @returns the exit code: 0 after a drain, 1 when the router could not start or ended by itself,
 * 130 when a second signal (or one during the start) ended it at once.
 */
export async function serve(config: RouterConfig, io: ServeIo): Promise<number> {
  const { clock, random, log, host } = io;
  const starting = io.start(config, { clock, random, log, host }).then(
    (app) => ({ kind: "started", app }) as const,
    (error: unknown) => ({ kind: "failed", error }) as const,
  );
  const signal = io.signals.next().then((name) => ({ kind: "signal", name }) as const);
  const start = await Promise.race([starting, signal]);
  if (start.kind === "failed") {
    io.complain(`pd-router: Cannot start: ${describeError(start.error)}`);
    return 1;
  }
  if (start.kind === "signal") {
    io.complain(`pd-router: ${start.name} before the start was complete`);
    return INTERRUPTED;
  }
  const { app } = start;
  (io.tellStart ?? tellStart)(config, app, io.log);
  const closed = app.closed.then(
    () => ({ kind: "closed", error: undefined }) as const,
    (error: unknown) => ({ kind: "closed", error }) as const,
  );
  const end = await Promise.race([signal, closed]);
  if (end.kind === "closed") {
    const reason = end.error === undefined ? "" : `: ${describeError(end.error)}`;
    io.complain(`pd-router: The server ended by itself${reason}`);
    await settled(app[Symbol.asyncDispose](), io.clock, GRACE_MS);
    return 1;
  }
  const again = io.signals.next().then(() => INTERRUPTED);
  return Promise.race([again, stop(app, end.name, io)]);
}

async function stop(
  app: ServingApp,
  signal: string,
  { clock, log, complain }: ServeIo,
): Promise<number> {
  const { drainTimeoutMs, lifecycle: { drainDelayMs } } = app.config();
  app.retire();
  if (drainDelayMs > 0) {
    log.info(`${signal}: not ready any more, and draining after ${drainDelayMs / 1000} s`);
    await sleep(clock, drainDelayMs);
  }
  log.info(`${signal}: draining, at most ${drainTimeoutMs / 1000} s; again to end at once`);
  const since = clock.now();
  const drain = await settled(app.drain(drainTimeoutMs), clock, drainTimeoutMs + GRACE_MS);
  const stopped = await settled(app[Symbol.asyncDispose](), clock, GRACE_MS);
  const failed = [drain, stopped].flatMap((result) => result.error ?? []);
  for (const error of failed) complain(`pd-router: Error while stopping: ${describeError(error)}`);
  log.info(`Stopped after ${((clock.now() - since) / 1000).toFixed(1)} s`);
  return 0;
}

/** Have the log say where the router listens, and what it goes by. */
export function tellStart(config: RouterConfig, app: Started, log: Logger): void {
  const { engines, handoff, routing, clients, descriptors, doors } = config;
  const kind = handoff.kind === "none" ? routing.kind : "disaggregated prefill";
  const scheme = doors.tls === undefined ? "http" : "https";
  log.info(`Serving on ${address(scheme, app.address.hostname, app.address.port)}`, {
    workers: app.workers,
    routing: kind,
    engines: engines.length,
    clients: clients.maxConnections,
    descriptors: descriptors.limit ?? "unknown",
  });
  if (descriptors.limit !== undefined) {
    log.info(
      `${descriptors.limit} file descriptors carry ${descriptors.clients} clients at once, at ` +
        "about two for each stream",
    );
  }
  if (app.admin !== undefined) {
    const secure = config.admin?.loopback === false && doors.tls !== undefined;
    const { hostname, port } = app.admin;
    const url = address(secure ? "https" : "http", hostname, port);
    log.info(`Admin API on ${url} with a live page at ${url}/`);
  }
  if (app.notifications !== undefined) {
    log.info(`Waiting for KV-ready notifications on ${app.notifications.endpoint}`);
  } else if (handoff.kind !== "none") log.info(`Handoffs by ${handoffText(handoff)}`);
  const { kubernetes } = config.discovery;
  if (kubernetes !== undefined) log.info(`Engines are ${foundText(kubernetes)}`);
  for (const engine of engines) {
    log.info(`Engine ${engine.id}: ${engineText(engine, handoff.kind)}`);
  }
}

function address(scheme: string, host: string, port: number): string {
  const name = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  return `${scheme}://${name}:${port}`;
}
