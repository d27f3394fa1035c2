/** Builds the parts of one engine from its options, and takes them apart again. @module */
import { type Clock, describeError, type Logger, type Random } from "../base/mod.ts";
import { Admission } from "./admission.ts";
import type { KeySpace } from "./chunk_keys.ts";
import { type EngineCore, storingRanks } from "./core.ts";
import { EngineLife } from "./engine_life.ts";
import { type SimFaults, strikes } from "./faults.ts";
import { FinishedBook } from "./finished.ts";
import { KvEventPublisher } from "./kv_events.ts";
import { KvStore } from "./kv_store.ts";
import { NixlSide } from "./nixl.ts";
import { Notifier } from "./notifier.ts";
import type { SimOptions } from "./options.ts";
import { PrefixCache } from "./prefix_cache.ts";
import { KvReceiver } from "./receiver.ts";
import { KvSender } from "./sender.ts";
import { createSharedStore } from "./shared_store.ts";
import { StatsBook } from "./stats.ts";
import { TaskSet } from "./task_set.ts";

/** What an engine takes from outside. */
export interface SimPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** The state the endpoints share, and what only the engine itself needs. */
export interface EngineParts {
  readonly core: EngineCore;
  readonly receiver: KvReceiver | undefined;
  readonly events: KvEventPublisher | undefined;
  /** End everything but the HTTP side; `core.stopped` has aborted before. */
  stop(): Promise<void>;
}

/** Open all sockets but the HTTP one. Throws when one cannot be opened, leaving none. */
export async function openParts(
  options: SimOptions,
  ports: SimPorts,
  stopped: AbortSignal,
): Promise<EngineParts> {
  const { clock, random, log } = ports;
  const opened: (() => Promise<void> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of opened.splice(0).reverse()) await close();
  };
  try {
    const stats = new StatsBook();
    const life = new EngineLife();
    life.start(clock.unixMs());
    // An engine changes its faults; the caller's record stays as it is.
    const faults = { ...options.faults, paths: [...options.faults.paths] };
    const events = await openEvents(options, ports);
    if (events !== undefined) opened.push(() => events.stop());
    const lmcache = options.kvConnector === "lmcache";
    const receives = lmcache && options.role !== "prefill";
    const kv = receives ? new KvStore(storingRanks(options), clock) : undefined;
    const agent = agentName(random);
    const isFull = (): boolean => strikes(faults, "noKvRoom", random);
    const receiver = kv && new KvReceiver(options, { store: kv, log, agent, isFull });
    if (receiver !== undefined) opened.push(() => receiver.stop());
    const nixl = options.kvConnector === "nixl" ? openNixl(options, ports, stats) : undefined;
    if (nixl !== undefined) opened.push(() => nixl.stop());
    const sends = lmcache && options.role !== "decode";
    const notifier = sends ? openNotifier(options, ports, stats, faults) : undefined;
    if (notifier !== undefined) opened.push(() => notifier.stop());
    const tasks = new TaskSet(log);
    opened.push(() => tasks.settled());
    const sender = sends
      ? new KvSender(
        {
          space: keySpaceOf(options),
          ranks: storingRanks(options),
          generation: options.generation,
        },
        { clock, log, stats, faults, signal: stopped, onStuck: () => life.hang() },
      )
      : undefined;
    if (sender !== undefined) opened.push(() => sender.stop());
    const core: EngineCore = {
      options,
      clock,
      random,
      log,
      stats,
      faults,
      stopped,
      tasks,
      finished: new FinishedBook(options.maxModelLen),
      keySpace: keySpaceOf(options),
      kv,
      sender,
      notifier,
      shared: options.kvConnector === "shared_storage"
        ? options.sharedStore ?? createSharedStore()
        : undefined,
      nixl,
      prefix: options.prefixCaching
        ? new PrefixCache(options.blockSize, options.kvBlocks, events)
        : undefined,
      admission: new Admission(options.maxNumSeqs),
      adapters: new Map(),
      life,
    };
    return { core, receiver, events, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function keySpaceOf(options: SimOptions): KeySpace {
  const { models, ranks, hashSeed, chunkSize, saveUnfullChunk } = options;
  return { model: models[0] ?? "", worldSize: ranks, hashSeed, chunkSize, saveUnfullChunk };
}

/** Engines of one process count up, so that two of one seed are not one for NIXL. */
let agents = 0;

function agentName(random: Random): string {
  return `${random.uuid().slice(0, 24)}${(agents++).toString(16).padStart(12, "0")}`;
}

async function openEvents(
  options: SimOptions,
  ports: SimPorts,
): Promise<KvEventPublisher | undefined> {
  const { kvEventsEndpoint: endpoint, kvEventsReplay: replay, blockSize } = options;
  if (endpoint === undefined) return undefined;
  const { kvEventsTopic: topic, kvEventsEncoding: encoding } = options;
  return await KvEventPublisher.open({ endpoint, replay, topic, encoding, blockSize }, ports);
}

function openNixl(options: SimOptions, ports: SimPorts, stats: StatsBook): NixlSide {
  const { host, sideChannelPort: port, ranks, blockSize, kvLeaseMs: leaseMs } = options;
  const { clock, log, random } = ports;
  const engineId = random.uuid();
  const reachedAt = options.sideChannelHost ?? host;
  try {
    return new NixlSide(
      { host, reachedAt, port, engineId, ranks, blockSize, leaseMs },
      { clock, log, stats },
    );
  } catch (error) {
    throw new Error(`Cannot open the side channel on ${host}:${port}: ${describeError(error)}`, {
      cause: error,
    });
  }
}

function openNotifier(
  options: SimOptions,
  ports: SimPorts,
  stats: StatsBook,
  faults: SimFaults,
): Notifier | undefined {
  const { proxyHost: host, proxyPort: port, generation } = options;
  if (host === undefined) return undefined;
  const ranks = storingRanks(options);
  return new Notifier({ host, port, ranks, generation }, { ...ports, stats, faults });
}
