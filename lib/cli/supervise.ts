/** The life of a router of several processes: start them, wait for a signal, have them drain, end. @module */
import { type Clock, describeError, errorCodeOf, type Logger, type Random } from "../base/mod.ts";
import type { Cluster } from "../cluster/mod.ts";
import type { RouterConfig } from "../config/mod.ts";
import {
  type Hello,
  NoneStarted,
  type OpenSupervisor,
  openSupervisor,
  type OwnCommand,
  processStarter,
} from "../workers/mod.ts";
import { INTERRUPTED, settled } from "./ending.ts";
import { tellStart } from "./serve.ts";
import type { Signals } from "./signals.ts";

/** What supervising uses. */
export interface SuperviseIo {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly signals: Signals;
  /** What workers are started by; throws `RouterError` where they cannot be. */
  readonly command: () => OwnCommand;
  /** Files that could be read once alone. */
  readonly files: Hello["files"];
  /** Lines to standard output, and to standard error. */
  readonly print: (text: string) => void;
  readonly complain: (line: string) => void;
  /** The cluster of which all workers are one replica; absent for none. */
  readonly cluster?: Cluster | undefined;
  /** Told when a hang-up has something to be passed on to. */
  readonly serves: (router: Pick<OpenSupervisor, "reload">) => void;
}

/** How long it may take to end all at once, in milliseconds. */
const END_MS = 2_500;

/**
 * Serve by `count` processes until a signal has come and all have drained.
 *
 * @returns the exit code, as of one process: 0 after a drain, that of a worker when none could start,
 * 130 when a second signal (or one during the start) ended it at once.
 */
export async function supervise(
  config: RouterConfig,
  count: number,
  io: SuperviseIo,
): Promise<number> {
  const { clock, random, log, signals, complain, print: write, files, cluster } = io;
  const signal = signals.next();
  const stop = new AbortController();
  signal.then(() => stop.abort());
  let router: OpenSupervisor;
  try {
    const start = processStarter(io.command());
    router = await openSupervisor(
      config,
      count,
      { clock, random, log, start, write, files, cluster },
      stop.signal,
    );
  } catch (error) {
    if (errorCodeOf(error) === "shutting-down") {
      complain(`pd-router: ${await signal} before the start was complete`);
      return INTERRUPTED;
    }
    complain(`pd-router: Cannot start: ${describeError(error)}`);
    return error instanceof NoneStarted ? error.exitCode : 1;
  }
  const { first: { address, admin }, notifications } = router;
  io.serves(router);
  tellStart(config, { address, admin, notifications, workers: count }, log);
  const name = await signal;
  const again = signals.next().then(() => INTERRUPTED);
  const { drainTimeoutMs } = config;
  log.info(
    `${name}: ${count} workers drain, at most ${drainTimeoutMs / 1000} s; again to end at once`,
  );
  const since = clock.now();
  const code = await Promise.race([again, router.stop(name).then(() => 0)]);
  const { error } = await settled(router[Symbol.asyncDispose](), clock, END_MS);
  if (error !== undefined) complain(`pd-router: Error while stopping: ${describeError(error)}`);
  log.info(`Stopped after ${((clock.now() - since) / 1000).toFixed(1)} s`);
  return code;
}
