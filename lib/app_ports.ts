/** What a router takes from its surroundings, and what it is to them. @module */
import type { HandoffPorts } from "./app_handoff.ts";
import type { HostFigures } from "./app_host.ts";
import type { WarmUp } from "./app_warming.ts";
import type { Breather, Clock, Engine, Logger, Random } from "./base/mod.ts";
import type { DnsNet } from "./dns/mod.ts";
import type { EngineSource } from "./fleet/mod.ts";
import type { StartFront } from "./front/mod.ts";
import type { Bus } from "./gossip/mod.ts";
import type { LoadedHooks } from "./hooks/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import type { KvReport, OnTrace } from "./http/mod.ts";
import type { ConfigOrigin, ReloadReport } from "./reload/mod.ts";
import type { Dial } from "./upstream/mod.ts";
import type { OtherRouters } from "./workers/mod.ts";

/** What the router takes from its surroundings. */
export interface AppPorts extends HandoffPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Told of every finished inference request. */
  readonly onTrace?: OnTrace;
  /**
   * Where engines come from.
   * @default the configuration's engines, for ever
   */
  readonly sources?: readonly EngineSource[];
  /**
   * What accepts clients.
   * @default the router's own server on the platform's sockets
   */
  readonly front?: StartFront;
  /**
   * Opens connections to engines.
   * @default the platform's sockets
   */
  readonly dial?: Dial;
  /**
   * Sockets to DNS servers, and who is to be asked.
   * @default the platform's
   */
  readonly dnsNet?: DnsNet;
  /**
   * Takes a finished line of the access log, without its line feed. Must not block and must not throw.
   * @default nobody: there is none
   */
  readonly accessLine?: ((line: string) => void) | undefined;
  /** What the process and its machine use; without it, nothing of that is told. */
  readonly host?: HostFigures | undefined;
  /**
   * Where work on large bodies rests.
   * @default the machine's event loop
   */
  readonly breather?: Breather;
  /**
   * Runs the code of requests before anybody waits for it, where the configuration wants that.
   * @default it runs with the first requests
   */
  readonly warmUp?: WarmUp;
  /**
   * The operator's own code.
   * @default none
   */
  readonly hooks?: LoadedHooks | undefined;
  /**
   * Where the configuration comes from, to be read again.
   * @default nowhere: it stays as it is
   */
  readonly origin?: ConfigOrigin<LoadedHooks> | undefined;
  /**
   * Routers in other processes that are seen as one with this one.
   * @default none
   */
  readonly others?: OtherRouters | undefined;
  /**
   * Reaches the routers beside this one, with whom it shares what it knows; its owner closes it behind
   * the router.
   * @default none: it is alone
   */
  readonly bus?: Bus | undefined;
}

/** What a router holds at a moment; all zero when nothing is asked of it. */
export interface AppStats {
  readonly waiters: number;
  readonly inflight: number;
  readonly drains: number;
  readonly background: number;
  /** Engine connections in use. */
  readonly connections: number;
  /** Bytes held of request bodies. */
  readonly buffered: number;
}

/** What is taken of the engines, and who waits for it, at a moment. */
export interface AdmissionStats {
  /** Requests that wait. */
  readonly queued: number;
  /** Seats, and bytes of KV buffers. */
  readonly seats: number;
  readonly kvBytes: number;
  /** 1 where requests wait at other routers for the same engines, as far as is heard; else 0. */
  readonly elsewhere: number;
}

/** A router that serves. */
export interface App extends AsyncDisposable {
  /** Where it listens. */
  readonly address: { readonly hostname: string; readonly port: number };
  /** Where prefill engines send their KV-ready notifications. */
  readonly notifications: { readonly endpoint: string; readonly port: number } | undefined;
  /** Where the admin API listens; absent where it is off. */
  readonly admin?: { readonly hostname: string; readonly port: number } | undefined;
  /** Resolves when every engine has been asked for its models once. */
  readonly probed: Promise<void>;
  /** Who is there at the moment. */
  engines(): readonly Engine[];
  /** What has been found out of KV; absent where prompts are not handed over. */
  proof(): KvReport | undefined;
  /** What is in force. */
  config(): RouterConfig;
  /**
   * Read the configuration again and take it, as far as that goes without a start. Resolves whatever comes
   * of it; rejects where nobody knows where it comes from.
   */
  reload(): Promise<ReloadReport>;
  stats(): AppStats;
  admission(): AdmissionStats;
  /** Say that it is not ready: it will soon take no more requests. */
  retire(): void;
  /** Take no more requests; resolves when those in flight have ended, or at the deadline. */
  drain(timeoutMs: number): Promise<void>;
  /** Resolves when the router has stopped. */
  readonly closed: Promise<void>;
}
