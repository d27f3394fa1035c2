/** Where the engines of one configuration come from. @module */
import type { DnsOptions } from "./dns_options.ts";
import type { EngineRules, RawEngine } from "./raw_engine.ts";

/** Which engines there are, and by what they are checked that are found later. */
export interface DiscoveryOptions {
  readonly rules: EngineRules;
  /** Those of the command line and of files. */
  readonly listed: readonly ListedEngine[];
  /** Absent: none are found by DNS. */
  readonly dns?: DnsOptions;
  /** Absent: none are looked for there. */
  readonly kubernetes?: KubernetesOptions;
}

/** Engines in Kubernetes. */
export interface KubernetesOptions {
  readonly access: ClusterAccess;
  readonly namespace: string;
  /** Label selector, never empty. */
  readonly selector: string;
  /** What an engine is. */
  readonly by: "pod" | "service";
  /** Port of engines that say no other. */
  readonly port: number;
  /** After how long a watch is begun anew, in whole seconds; absent: as is usual. */
  readonly watchSeconds?: number;
}

/** How an API server is reached. */
export interface ClusterAccess {
  /** `http` or `https`, without a slash at the end. */
  readonly url: string;
  /** Absent: none is shown. */
  readonly tokenFile?: string;
  /** Absent: the platform's authorities count. */
  readonly caFile?: string;
}

/** One engine as it was written, and where. */
export interface ListedEngine {
  readonly where: string;
  readonly raw: RawEngine;
}
