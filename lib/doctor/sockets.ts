/** Whether the ports are open that KV and its notifications go through. @module */
import { type Clock, describeError, type Engine, sleep } from "../base/mod.ts";
import { type Finding, well } from "./finding.ts";
import { nameOf } from "./looked.ts";
import { skippedFor } from "./compare.ts";

/** How ports are tried. */
export interface SocketParts {
  readonly clock: Clock;
  /** Connects and hangs up; rejects with the reason why it cannot. */
  readonly connect: (host: string, port: number, signal: AbortSignal) => Promise<void>;
  /** Longest wait for one connection, in milliseconds. */
  readonly timeoutMs: number;
}

/** Ports of one engine at a time. */
const AT_ONCE = 16;

/** Whether LMCache's NIXL ports of engines that receive KV can be reached from here. */
export async function nixlPortFindings(
  engines: readonly Engine[],
  parts: SocketParts,
): Promise<readonly Finding[]> {
  const receivers = engines.filter(({ nixl }) => nixl !== undefined);
  if (receivers.length === 0) {
    return [skippedFor("nixl-ports", "no engine receives KV by LMCache")];
  }
  return await Promise.all(receivers.map((engine) => portsOf(engine, parts)));
}

async function portsOf(engine: Engine, parts: SocketParts): Promise<Finding> {
  const { host = "", initPorts = [], allocPorts = [], queryPorts = [] } = engine.nixl ?? {};
  const named = [
    ...initPorts.map((port) => ["init", port] as const),
    ...allocPorts.map((port) => ["alloc", port] as const),
    ...queryPorts.map((port) => ["query", port] as const),
  ];
  const closed: string[] = [];
  for (let at = 0; at < named.length; at += AT_ONCE) {
    const some = named.slice(at, at + AT_ONCE).map(async ([what, port]) => {
      const problem = await tried(host, port, parts);
      return problem === undefined ? [] : [`${what} ${port}: ${problem}`];
    });
    closed.push(...(await Promise.all(some)).flat());
  }
  const subject = nameOf(engine);
  if (closed.length === 0) {
    return well("nixl-ports", subject, `${named.length} NIXL ports of ${host} are open`);
  }
  return {
    check: "nixl-ports",
    outcome: "failed",
    subject,
    said: `of the NIXL ports of ${host} ${closed.length} cannot be reached: ${closed[0]}`,
    advice:
      "compare pd_peer_init_port and pd_peer_alloc_port of its LMCache, each rank's its own, " +
      "with --nixl-peer-init-port and its kin; prefill hosts must reach them too",
  };
}

/** Why a port cannot be connected to; undefined where it can. */
export async function tried(
  host: string,
  port: number,
  { clock, connect, timeoutMs }: SocketParts,
): Promise<string | undefined> {
  const over = new AbortController();
  using _timer = clock.after(timeoutMs, () => over.abort());
  try {
    await connect(host, port, over.signal);
    return undefined;
  } catch (error) {
    return over.signal.aborted ? `no answer within ${timeoutMs / 1000} s` : describeError(error);
  }
}

/** The socket for KV-ready notifications. */
export interface NotificationSocket {
  readonly host: string;
  readonly port: number;
}

/** Whether the port is free, in which case it is bound for a moment, or who has it. */
export type BindTry = { readonly kind: "free" } | {
  readonly kind: "taken";
  readonly error: string;
};

/**
 * Whether notifications will be heard. A port that is taken is right where a router runs already:
 * `running` says whether one answers at the address that this configuration listens on.
 */
export function notificationFinding(
  socket: NotificationSocket | undefined,
  bind: BindTry | undefined,
  running: boolean,
): Finding {
  if (socket === undefined || bind === undefined) {
    return skippedFor("notifications", "no protocol here has KV-ready notifications");
  }
  const where = `${socket.host}:${socket.port}`;
  if (bind.kind === "free") {
    return well(
      "notifications",
      where,
      "can be bound: prefill engines name it as pd_proxy_host and pd_proxy_port",
    );
  }
  if (running) return well("notifications", where, "is bound by a router that runs here");
  return {
    check: "notifications",
    outcome: "failed",
    subject: where,
    said: `cannot be bound: ${bind.error}`,
    advice:
      "another program has the port: give --nixl-proxy-port another, and prefill engines the " +
      "same as pd_proxy_port",
  };
}

/** So long a socket that was bound may take to be given back, in milliseconds. */
const CLOSE_MS = 2_000;

/** Bind with `bind`, and give it back. */
export async function tryBind(
  clock: Clock,
  bind: () => Promise<AsyncDisposable>,
): Promise<BindTry> {
  let socket: AsyncDisposable;
  try {
    socket = await bind();
  } catch (error) {
    return { kind: "taken", error: describeError(error) };
  }
  const over = new AbortController();
  await Promise.race([socket[Symbol.asyncDispose](), sleep(clock, CLOSE_MS, over.signal)]);
  over.abort();
  return { kind: "free" };
}
