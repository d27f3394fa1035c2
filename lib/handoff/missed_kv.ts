/** What is said of KV whose notifications did not come: what came, and what to look at. @module */
import { type Engine, RouterError } from "../base/mod.ts";
import type { Landing } from "../kv/mod.ts";
import type { Pair } from "../selection/mod.ts";
import type { PeerSight } from "../zmq/mod.ts";
import type { HandoffDeps, NotificationPort } from "./deps.ts";
import { kvTimeout } from "./handoff_parts.ts";

/** What came of one transfer. */
export type Come = Pick<Landing, "received" | "cancelled" | "lost">;

/** What is missing, in words for clients: the only address in them is that of the port. */
interface Missing {
  /** For timelines. */
  readonly short: string;
  readonly text: string;
  /** What the log is told beside it: ports of engines. */
  readonly detail?: string;
}

/** One wait for KV, which says of itself why it was in vain. */
export class MissedKv {
  readonly #deps: Pick<HandoffDeps, "kvReadyTimeoutMs" | "notifications">;
  readonly #pair: Pair;
  #missing: Missing | undefined;

  constructor(deps: Pick<HandoffDeps, "kvReadyTimeoutMs" | "notifications">, pair: Pair) {
    this.#deps = deps;
    this.#pair = pair;
  }

  /** The wait is over, and the KV not there; what came of it, in a few words. */
  readonly note = (come: Come): string | undefined => {
    this.#missing = missingOf(come, this.#pair, this.#deps.notifications);
    return this.#missing?.short;
  };

  /** The error to tell. */
  error(): RouterError {
    const { code, message } = kvTimeout(this.#deps, this.#pair);
    if (this.#missing === undefined) return new RouterError(code, message);
    const { text, detail } = this.#missing;
    const cause = detail === undefined ? {} : { cause: new Error(detail) };
    return new RouterError(code, `${message}: ${text}`, cause);
  }
}

/** How many ranks are to notify. */
function ranksOf({ prefill, decode }: Pair): number {
  return prefill.notifications ?? decode.nixl?.initPorts.length ?? 0;
}

function missingOf(
  come: Come,
  pair: Pair,
  port: NotificationPort | undefined,
): Missing | undefined {
  if (come.lost !== undefined) {
    const side = come.lost === pair.decode.id ? "decode" : "prefill";
    return { short: `${side} engine restarted`, text: `the ${side} engine was started anew` };
  }
  if (come.cancelled) {
    return {
      short: "cancelled",
      text: "the prefill engine cancelled the transfer: its log says why",
    };
  }
  const received = come.received();
  const ranks = ranksOf(pair);
  if (received > 0) {
    return {
      short: `${received} of ${ranks} ranks`,
      text: `${received} of ${ranks} ranks notified: both engines need one world size (tensor x ` +
        `pipeline parallel); where fewer ranks store KV, say notifications=${received} of the ` +
        "prefill engine",
      detail: pair.prefill.notifications === undefined
        ? `one is expected for each of ${portsText(pair.decode)}`
        : `notifications=${ranks} is configured`,
    };
  }
  if (port === undefined) return undefined;
  const sight = port.sight(new URL(pair.prefill.url).hostname);
  const { short, text, ports } = SIGHTS[sight](port.endpoint.slice("tcp://".length));
  return { short, text, ...(ports ? { detail: `it writes to ${portsText(pair.decode)}` } : {}) };
}

function portsText({ nixl }: Engine): string {
  if (nixl === undefined) return "no port";
  const { host, initPorts, allocPorts } = nixl;
  return `${host}, init ports ${initPorts.join(",")} and alloc ports ${allocPorts.join(",")}`;
}

const LEADS = "pd_proxy_host and pd_proxy_port of the prefill engine must be those of";
const SILENT = "compare the decode engine's init and alloc ports, the chunk size on both, and " +
  "save_unfull_chunk: true";

/** Said of the ranks of an engine, none of which notified, by where they have been seen. */
const SIGHTS: Readonly<
  Record<
    PeerSight,
    (at: string) => { readonly short: string; readonly text: string; readonly ports: boolean }
  >
> = {
  never: (at) => ({
    short: "no rank ever connected",
    text: `no rank of it has ever connected to this router: ${LEADS} ${at}`,
    ports: false,
  }),
  elsewhere: (at) => ({
    short: "no rank connected from its address",
    text: `no rank has connected from its address, though others have: ${LEADS} ${at}`,
    ports: false,
  }),
  left: (at) => ({
    short: "its ranks have left",
    text: "ranks were connected and are not any more: does the prefill engine run? If so, " +
      `${LEADS} ${at}`,
    ports: false,
  }),
  refused: () => ({
    short: "its ranks are not let in",
    text: "its ranks are not let in: see --nixl-proxy-allow and --nixl-proxy-max-per-address",
    ports: false,
  }),
  untold: (at) => ({
    short: "ranks are connected, and silent",
    text: `ranks are connected, but whether its own cannot be told. If not, ${LEADS} ${at}; else ` +
      SILENT,
    ports: true,
  }),
  connected: () => ({
    short: "connected, and silent",
    text: `its ranks are connected, and none has notified: ${SILENT}`,
    ports: true,
  }),
};
