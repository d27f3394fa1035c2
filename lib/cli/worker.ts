/** One of several processes: serves as its supervisor says, and ends with it. @module */
import { startApp } from "../app.ts";
import { warmingUp } from "../app_warm_up.ts";
import { remarkOf } from "../app_cluster.ts";
import type { ClusterSeat } from "../app_handoff.ts";
import { describeError, type LoggerOptions, RouterError } from "../base/mod.ts";
import type { RouterConfig } from "../config/mod.ts";
import {
  Member,
  MemberOthers,
  numberedLog,
  relayAround,
  serveRelayed,
  sharedFront,
  workerConfig,
} from "../workers/mod.ts";
import { openAccessLines } from "./access_file.ts";
import type { ParsedArgv } from "./argv.ts";
import { mappedOrigin, type OpenedOrigin, openOrigin } from "./config_origin.ts";
import { Hangups } from "./hangups.ts";
import { processMemory, systemFigures } from "./host_figures.ts";
import { returnMemory } from "./resting_memory.ts";
import type { CliPorts } from "./ports.ts";
import { openLogger } from "./report.ts";
import { serve } from "./serve.ts";
import { flushStdio, LineWriter, streamWaits } from "./stdio.ts";
import { workerSignals } from "./worker_signals.ts";

/** Exit code where the configuration or a module cannot be used. */
const UNUSABLE = 2;

/** How long the last lines may take to go out, in milliseconds. */
const FLUSH_MS = 1_000;

/** Serve as one of several; resolves to the exit code. */
export async function runWorker(parsed: ParsedArgv, all: CliPorts): Promise<number> {
  const { clock, random, workers } = all;
  if (workers === undefined) throw new RouterError("internal", "There can be no workers here");
  workers.forgo();
  using own = all.signals(() => {});
  const member = await Member.join(workers.pipes());
  // Its supervisor has gone before it has said anything: there is nothing to be served.
  if (member === undefined) return 0;
  const { hello } = member;
  const write = async (bytes: Uint8Array): Promise<number> => {
    await member.write(bytes);
    return bytes.length;
  };
  const stdio = {
    out: new LineWriter({ write }, undefined, streamWaits(clock)),
    err: all.stdio.err,
  };
  const given = new Map(hello.files);
  const ports: CliPorts = {
    ...all,
    stdio,
    readFile: (path) => given.get(path) ?? all.readFile(path),
  };
  const options: { -readonly [K in keyof LoggerOptions]: LoggerOptions[K] } = {
    level: "info",
    format: "text",
  };
  const mine = (config: RouterConfig): RouterConfig => workerConfig(config, hello);
  const log = numberedLog(openLogger(ports, options), hello.number);
  const opened = await read(parsed, ports, (config) => {
    Object.assign(options, config.log);
    if (mine(config).batches === undefined && config.observe.accessFile === undefined) {
      ports.forgoWriting();
    }
  });
  if (!opened.ok) {
    await member.tell({ kind: "failed", error: opened.error });
    return UNUSABLE;
  }
  const origin = mappedOrigin(opened.origin, mine);
  const { config, hooks } = origin.start.loaded;
  const hangups = new Hangups(log);
  const others = new MemberOthers(member, clock);
  const access = opening(() => openAccessLines(config.observe, ports, log));
  if (access instanceof RouterError) {
    await member.tell({ kind: "failed", error: access.message });
    return UNUSABLE;
  }
  await using lines = access;
  const reload = (): void => {
    lines.reopen();
    hangups.note();
  };
  const signals = workerSignals({ member, own, log, reload });
  const relay = { member, log, root: config.rootPath };
  const keepsFiles = opened.origin.start.loaded.config.batches !== undefined;
  let serves = false;
  using _memory = returnMemory(clock, processMemory());
  const code = await serve(config, {
    clock,
    random,
    log,
    host: systemFigures(),
    signals,
    start: async (config, parts) => {
      const app = await startApp(config, {
        ...parts,
        hooks,
        origin,
        warmUp: warmingUp(config, parts),
        accessLine: (line) => lines.write(line),
        others,
        bus: member.bus,
        kvTag: () => member.tag,
        cluster: seatOf(member),
        ...(member.pull === undefined ? {} : { bindPull: member.pull.bind }),
        front: sharedFront(clock, {
          port: hello.port,
          around(handler) {
            if (!keepsFiles) return handler;
            serveRelayed(relay, handler);
            return relayAround(relay, handler);
          },
        }),
      }).catch(async (error: unknown) => {
        await member.tell({ kind: "failed", error: describeError(error) });
        throw error;
      });
      hangups.serves(app);
      serves = true;
      await member.tell({ kind: "serving", address: app.address, admin: app.admin });
      return app;
    },
    // Why it cannot start is its supervisor's to say.
    complain: (line) => void (serves && stdio.err.write(line)),
    // So is what it serves.
    tellStart: () => log.debug("Serves"),
  });
  await flushStdio(stdio, clock, FLUSH_MS);
  return code;
}

/** The supervisor has the connection and the socket for notifications, and tells the figures. */
function seatOf({ bus, hello: { cluster } }: Member): ClusterSeat | undefined {
  return cluster && { remark: () => remarkOf(bus.cluster ?? cluster) };
}

/** What `open` gives, or why it gives nothing. */
function opening<T>(open: () => T): T | RouterError {
  try {
    return open();
  } catch (error) {
    if (error instanceof RouterError) return error;
    throw error;
  }
}

async function read(
  parsed: ParsedArgv,
  ports: CliPorts,
  onTaken: (config: RouterConfig) => void,
): Promise<
  | Extract<OpenedOrigin, { readonly ok: true }>
  | { readonly ok: false; readonly error: string }
> {
  try {
    const opened = await openOrigin(parsed, ports, onTaken);
    if (opened.ok) return opened;
    const problems = opened.result.problems.map(({ key, message }) => `${key}: ${message}`);
    return { ok: false, error: problems.join("; ") };
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    return { ok: false, error: error.message };
  }
}
