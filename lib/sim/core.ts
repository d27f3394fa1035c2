/** What the parts of one engine share. @module */
import { type Clock, type Logger, type Random, sleep } from "../base/mod.ts";
import type { Admission } from "./admission.ts";
import type { ApiError } from "./api_error.ts";
import type { KeySpace } from "./chunk_keys.ts";
import { engineDead, type EngineLife } from "./engine_life.ts";
import type { SimFaults } from "./faults.ts";
import type { FinishedBook } from "./finished.ts";
import type { KvStore } from "./kv_store.ts";
import type { NixlSide } from "./nixl.ts";
import type { Notifier } from "./notifier.ts";
import type { SimOptions } from "./options.ts";
import type { PrefixCache } from "./prefix_cache.ts";
import type { KvSender } from "./sender.ts";
import type { SharedStore } from "./shared_store.ts";
import type { StatsBook } from "./stats.ts";
import type { TaskSet } from "./task_set.ts";

/** One engine's state; parts that its options do not ask for are undefined. */
export interface EngineCore {
  readonly options: SimOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly stats: StatsBook;
  readonly faults: SimFaults;
  /** Aborts when the engine stops. */
  readonly stopped: AbortSignal;
  readonly tasks: TaskSet;
  readonly finished: FinishedBook;
  readonly keySpace: KeySpace;
  readonly kv: KvStore | undefined;
  readonly sender: KvSender | undefined;
  readonly notifier: Notifier | undefined;
  readonly shared: SharedStore | undefined;
  readonly nixl: NixlSide | undefined;
  readonly prefix: PrefixCache | undefined;
  readonly admission: Admission;
  /** Paths of the adapters loaded since the start, by name. */
  readonly adapters: Map<string, string>;
  readonly life: EngineLife;
}

/** The client went away; nothing is left to answer. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

/** Wait `ms`; throws ClientGone when `signal` aborts first. */
export async function pause(core: EngineCore, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw new ClientGone("aborted");
  if (ms > 0 && await sleep(core.clock, ms, signal) === "aborted") throw new ClientGone("aborted");
}

/**
 * End the engine core, as what a real one does not survive. Gives the error of the request that did
 * it; all others fail on their own.
 */
export function endCore(core: EngineCore, reason: string): ApiError {
  if (!core.stopped.aborted && core.life.end()) {
    core.stats.add("deaths");
    core.log.error(`EngineCore encountered a fatal error: ${reason}`);
  }
  return engineDead();
}

/** Ranks that store KV and notify: with MLA the first alone. */
export function storingRanks(options: SimOptions): number {
  return options.mla ? 1 : options.ranks;
}

/** The models that an engine serves: first those it was started with. */
export function servedModels({ options, adapters }: EngineCore): readonly string[] {
  return [...options.models, ...adapters.keys()];
}
