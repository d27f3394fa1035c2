/** A supervisor with all that it does for its workers. @module */
import { type Clock, type Logger, type Random, RouterError, TurnBreather } from "../base/mod.ts";
import type { Cluster } from "../cluster/mod.ts";
import type { RouterConfig } from "../config/mod.ts";
import { type NotificationProxy, pullBinder, startNotificationProxy } from "../zmq/mod.ts";
import { answerEverywhere, EVERYWHERE_CALL } from "./admin_round.ts";
import type { Call } from "./call.ts";
import { ClusterBridge } from "./cluster_bridge.ts";
import { answerLive, LIVE_CALL } from "./live_round.ts";
import { NoticeDesk } from "./notice_desk.ts";
import { OwnFigures } from "./own_figures.ts";
import { heldPorts } from "./ports.ts";
import { passOn, RELAY_CALL } from "./relay.ts";
import type { Hello } from "./records.ts";
import { LEAD } from "./share.ts";
import { type FirstStart, Supervisor } from "./supervisor.ts";
import { Whole, WHOLE_CALL } from "./whole.ts";
import type { WorkerSlot } from "./worker_slot.ts";
import type { StartProcess } from "./worker_process.ts";

/** What it goes by of a router's configuration. */
export interface SupervisorConfig extends
  Pick<
    RouterConfig,
    "listen" | "admin" | "handoff" | "descriptors" | "drainTimeoutMs" | "lifecycle"
  > {
  readonly doors: Pick<RouterConfig["doors"], "notifications">;
}

/** What it takes from its surroundings. */
export interface SupervisorPorts {
  readonly clock: Clock;
  readonly random: Pick<Random, "uuid">;
  readonly log: Logger;
  readonly start: StartProcess;
  /** Takes what workers write to standard output. */
  readonly write: (text: string) => void;
  /** Files that could be read once alone. */
  readonly files: Hello["files"];
  /** The cluster of which all workers are one replica, its owner's to close; absent for none. */
  readonly cluster?: Cluster | undefined;
}

/** A supervisor whose workers have been started. */
export interface OpenSupervisor extends AsyncDisposable {
  readonly first: Exclude<FirstStart, { readonly kind: "failed" }>;
  readonly notifications: NotificationProxy | undefined;
  /** By number. */
  readonly workers: readonly WorkerSlot[];
  reload(): void;
  /** Have all end when what they have under way has; resolves when they have. */
  stop(signal: string): Promise<void>;
}

/** Every wait of a worker's own when it stops, and some more, in milliseconds. */
const LAST_MS = 6_000;

/** How none has started. */
export class NoneStarted extends RouterError {
  /** The exit code of a worker. */
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super("internal", message);
    this.exitCode = exitCode;
  }
}

/**
 * Start `count` workers for `config`; resolves when they serve. Rejects with `RouterError`, and nothing is
 * left behind, where a port cannot be had or none of them starts (`NoneStarted`); and where `stop` aborts.
 */
export async function openSupervisor(
  config: SupervisorConfig,
  count: number,
  { clock, random, log, start, write, files, cluster }: SupervisorPorts,
  stop: AbortSignal,
): Promise<OpenSupervisor> {
  await using stack = new AsyncDisposableStack();
  const { listen, admin } = config;
  using held = heldPorts([
    listen,
    ...(admin === undefined ? [] : [{ ...admin.listen, name: " (--admin-listen)" }]),
  ]);
  const [port = 0, adminPort] = held.ports;
  const common = { port, adminPort, begunMs: clock.unixMs(), secret: random.uuid(), files };
  const supervisor = new Supervisor({ clock, log, start, write, count, common });
  const desk = new NoticeDesk(supervisor.slots, cluster);
  const own = new OwnFigures(supervisor, desk, cluster);
  if (cluster !== undefined) {
    supervisor.join(new ClusterBridge({ cluster, workers: supervisor.slots, desk }));
  }
  const notifications = await openNotifications(config, desk, own, { clock, log });
  if (notifications !== undefined) stack.use(notifications);
  let stopping = false;
  const breather = stack.use(new TurnBreather(clock));
  const whole = new Whole({
    clock,
    breather,
    workers: supervisor.slots,
    own: () => own.series(),
    stopping: () => stopping,
  });
  supervisor.onBegin((slot) => desk.introduce(slot));
  supervisor.onEnd((slot) => void whole.forget(slot));
  supervisor.answer(WHOLE_CALL, (_from, head, call) => void whole.answer(head, call));
  supervisor.answer(EVERYWHERE_CALL, (from, head, call) => {
    const keep = (changes: unknown): void => supervisor.keep(JSON.stringify(changes));
    void answerEverywhere({ clock, workers: supervisor.slots, keep }, from, head, call);
  });
  supervisor.answer(LIVE_CALL, (_from, head, call) => {
    void answerLive({ clock, workers: supervisor.slots }, head, call);
  });
  supervisor.answer(RELAY_CALL, (_from, head, call) => handToLead(supervisor.slots, head, call));
  stack.defer(() => supervisor.end());
  const first = await Promise.race([
    supervisor.begin(
      notifications && {
        endpoint: notifications.endpoint,
        port: notifications.port,
      },
    ),
    aborted(stop),
  ]);
  if (first === undefined) throw new RouterError("shutting-down", "It was told to stop");
  if (first.kind === "failed") throw new NoneStarted(first.error, first.code);
  const all = stack.move();
  return {
    first,
    notifications,
    workers: supervisor.slots,
    reload: () => supervisor.reload(),
    async stop(signal) {
      stopping = true;
      const { drainTimeoutMs, lifecycle: { drainDelayMs } } = config;
      await supervisor.stop(signal, drainDelayMs + drainTimeoutMs + LAST_MS);
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function openNotifications(
  { handoff, doors, descriptors }: SupervisorConfig,
  desk: NoticeDesk,
  own: OwnFigures,
  { clock, log }: Pick<SupervisorPorts, "clock" | "log">,
): Promise<NotificationProxy | undefined> {
  if (handoff.kind !== "lmcache") return undefined;
  return await startNotificationProxy({
    address: handoff.proxy,
    board: desk,
    log,
    clock,
    bind: desk.binder(pullBinder(handoff.proxySocket)),
    peers: doors.notifications,
    onRefused: (reason) => own.refused(reason),
    maxConnections: descriptors.notifications,
  });
}

/** A request about files and batches: the lead has them. */
function handToLead(slots: readonly WorkerSlot[], head: Uint8Array, call: Call): void {
  const lead = slots[LEAD - 1];
  const handed = lead?.state === "serving" ? lead.call(RELAY_CALL, head) : undefined;
  if (handed === undefined) return call.cancel("The worker that keeps files starts: try again");
  void passOn(call, handed);
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
