/** A simulated engine, started and stopped. @module */
import { describeError } from "../base/mod.ts";
import { statsOf } from "./admin.ts";
import { type EngineParts, openParts, type SimPorts } from "./engine_parts.ts";
import type { SimFaults } from "./faults.ts";
import { HttpServer } from "./http_server.ts";
import { type SimOptions, simOptions } from "./options.ts";
import { createHandler } from "./routes.ts";
import type { SimStats } from "./stats.ts";

/** A running engine. */
export interface SimEngine extends AsyncDisposable {
  /** Base URL without a trailing slash. */
  readonly url: string;
  /** Ports of the KV receiver by rank; empty without one. */
  readonly initPorts: readonly number[];
  readonly allocPorts: readonly number[];
  /** Where KV events can be subscribed to, and missed ones asked for. */
  readonly kvEventsEndpoint?: string;
  readonly kvReplayEndpoint?: string;
  /** Faults in force; change the fields at any time. */
  readonly faults: SimFaults;
  /** Everything counted so far. */
  stats(): SimStats;
  /** Close everything; idempotent. */
  stop(): Promise<void>;
}

/**
 * Start an engine. Options not given are the defaults of the flags. Throws SimOptionsError on bad
 * options and Error when a port cannot be opened.
 */
export async function startSimEngine(
  given: Partial<SimOptions>,
  ports: SimPorts,
): Promise<SimEngine> {
  const options = simOptions(given);
  const stopping = new AbortController();
  const listener = listen(options);
  let parts: EngineParts;
  try {
    parts = await openParts(options, ports, stopping.signal);
  } catch (error) {
    listener.close();
    throw error;
  }
  const { core, receiver, events } = parts;
  const server = new HttpServer(listener, ports, createHandler(core));
  core.life.watch(() => server.abortRunning());
  const stop = async (): Promise<void> => {
    stopping.abort();
    await server.stop();
    await parts.stop();
  };
  let stopped: Promise<void> | undefined;
  const stopOnce = (): Promise<void> => stopped ??= stop();
  return {
    url: `http://${urlHost(options.host)}:${listener.addr.port}`,
    initPorts: receiver?.initPorts ?? [],
    allocPorts: receiver?.allocPorts ?? [],
    ...(events === undefined ? {} : { kvEventsEndpoint: events.endpoint }),
    ...(events?.replayEndpoint === undefined ? {} : { kvReplayEndpoint: events.replayEndpoint }),
    faults: core.faults,
    stats: () => statsOf(core),
    stop: stopOnce,
    [Symbol.asyncDispose]: stopOnce,
  };
}

function listen(options: SimOptions): Deno.TcpListener {
  const { host, port } = options;
  try {
    return Deno.listen({ hostname: host, port });
  } catch (error) {
    throw new Error(`Cannot listen on ${urlHost(host)}:${port}: ${describeError(error)}`, {
      cause: error,
    });
  }
}

function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
