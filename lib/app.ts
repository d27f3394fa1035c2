/** The composition root: builds every long-lived part from one configuration. @module */
import manifest from "../deno.json" with { type: "json" };
import { ByteBudget, describeError, RouterError, sleep, TurnBreather } from "./base/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import {
  BrokenPairs,
  EngineChecks,
  EngineHealth,
  Fleet,
  KeyRefusals,
  ModelLookup,
  PairFit,
} from "./fleet/mod.ts";
import { gaugeBatches, openBatches } from "./app_batches.ts";
import { checksBy } from "./app_checks.ts";
import { checksAwake, tellGuarded, wireControl } from "./app_control.ts";
import { externalOf, hooksOf } from "./app_outside.ts";
import { DescriptorKeeper, frontTeller } from "./app_descriptors.ts";
import { openBook } from "./app_discovery.ts";
import { watchSources } from "./app_sources.ts";
import { openDoors } from "./app_doors.ts";
import { watchFacts } from "./app_facts.ts";
import {
  cardFetcher,
  fleetObserver,
  forgetGone,
  healthFirst,
  healthRules,
  seatLimits,
} from "./app_fleet.ts";
import { watchGroups } from "./app_elastic.ts";
import { gaugeHealth } from "./app_health.ts";
import { endRestarted, gaugeLives, lifeReport } from "./app_life.ts";
import { hostGauge } from "./app_host.ts";
import { followKvEvents, gaugeKvEvents, lookupOf } from "./app_kv_events.ts";
import { bothObservers, metricsReader, requestLoad, startLoad } from "./app_load.ts";
import type { App, AppPorts } from "./app_ports.ts";
import { buildProof, type RunningProof } from "./app_proof.ts";
import { Admission, type GenerateDeps } from "./flow/mod.ts";
import { promptParts, type RunningHandoff, startHandoff } from "./app_handoff.ts";
import { type Front, type FrontOptions, type StartFront, startHttp1 } from "./front/mod.ts";
import {
  createHandler,
  EngineNames,
  faultAnswer,
  type HttpDeps,
  lineAsker,
  refusalAnswer,
  Scrapes,
} from "./http/mod.ts";
import { Metrics } from "./metrics/mod.ts";
import { Background, type FlowDeps, RetryBudget } from "./request/mod.ts";
import { partsRead, policiesFor, type Policy } from "./selection/mod.ts";
import { createUpstreamClient, type PooledUpstreamClient } from "./upstream/mod.ts";

export type { AdmissionStats, App, AppPorts, AppStats } from "./app_ports.ts";

/** Further attempts that are always there, so that a router with few requests can make them. */
const RETRIES_PER_SECOND = 3;

/** Start a router; resolves when it serves, rejects (with nothing left behind) when it cannot. */
export async function startApp(config: RouterConfig, ports: AppPorts): Promise<App> {
  const { clock, random, log } = ports;
  await using stack = new AsyncDisposableStack();
  const metrics = new Metrics();
  const caCerts = config.tlsCaFile === undefined ? [] : [await readPem(config.tlsCaFile)];
  const { reserve, notifications: maxPeers } = config.descriptors;
  const keeper = stack.use(new DescriptorKeeper({ clock, log, metrics, reserve }));
  const descriptors = keeper.source("engine");
  const doors = stack.use(openDoors(config, { clock, random, log, metrics }));
  const upstream = stack.use(
    createUpstreamClient({
      clock,
      caCerts,
      descriptors,
      ...doors.upstream,
      ...(ports.dial === undefined ? {} : { dial: ports.dial }),
    }),
  );
  const background = stack.use(new Background(log));
  const { timeouts, health: { slowStartMs } } = config;
  const keyRefusals = new KeyRefusals(log, doors.doors.keepsKeys);
  const requests = requestLoad({ clock, metrics }, config.stats);
  const health = stack.use(new EngineHealth({ clock, random, log, rules: healthRules(config) }));
  const policies = policiesFor(config.routing, { random });
  tellGuarded(config, log);
  const wiring = wireControl(config, { upstream, timeouts, clock });
  const breather = ports.breather ?? stack.use(new TurnBreather(clock));
  const readMetrics = metricsReader({ upstream, timeouts, breather }, config.apiKey);
  const facts = watchFacts({
    ...{ clock, upstream, timeouts, readMetrics, apiKey: config.apiKey },
    onRestart: (engine) => fleet.restarted(engine),
  });
  const pairs = {
    fit: config.health.pairUnequal === true ? undefined : new PairFit(log, facts),
    broken: new BrokenPairs({ log, snapshot: () => fleet.snapshot() }),
  };
  const fleet: Fleet = stack.use(
    new Fleet({
      clock,
      random,
      log,
      health,
      policies,
      fetchCards: wiring.fetching(facts.behind(
        healthFirst({ upstream, timeouts }, cardFetcher({ upstream, timeouts }, config.apiKey)),
      )),
      frozen: {
        afterMs: config.health.frozenAfterMs,
        giveUp: ({ url }) => upstream.giveUp(url),
      },
      observer: wiring.observing(
        bothObservers(
          fleetObserver(metrics, keyRefusals, [facts, pairs.broken]),
          requests.observer,
        ),
      ),
      seats: seatLimits(config),
      ...(pairs.fit === undefined ? {} : { fit: pairs.fit }),
      ...(slowStartMs === undefined ? {} : { slowStartMs }),
    }),
  );
  fleet.watch((change) => facts.follow(change));
  fleet.watch((change) => pairs.broken.follow(change));
  const control = wiring.attach(fleet);
  fleet.watch((change) => keyRefusals.follow(change));
  fleet.watch((change) => requests.follow(change));
  const { queueSize: size, queueTimeoutMs } = config.admission;
  const admission = stack.use(
    new Admission({ clock, metrics, fleet, size, timeoutMs: queueTimeoutMs }),
  );
  const { stats } = requests;
  const load = stack.use(
    startLoad(
      { clock, random, log, metrics, fleet, read: readMetrics, facts, stats },
      config.stats,
    ),
  );
  const { refuseLinkLocal = false } = doors.upstream;
  const kvWatch = followKvEvents(config, {
    ...{ clock, random, log, metrics, breather, refuseLinkLocal },
    dial: ports.dial,
  });
  if (kvWatch !== undefined) {
    stack.use(kvWatch);
    fleet.watch((change) => kvWatch.follow(change));
  }
  const plain: FlowDeps = {
    clock,
    random,
    log,
    metrics,
    fleet,
    keyRefusals,
    upstream,
    background,
    retries: new RetryBudget(clock, {
      perRequest: config.health.reroutes,
      share: config.health.retryShare,
      perSecond: RETRIES_PER_SECOND,
    }),
    timeouts,
    breather,
    promptParts: partsRead(policies),
  };
  const parts = promptParts(plain, config.tokenize);
  const flow = kvWatch === undefined
    ? plain
    : { ...plain, kvLookup: lookupOf(kvWatch, parts.prompts) };
  const batches = await openBatches(config, flow);
  if (batches !== undefined) stack.use(batches);
  const peers = { most: maxPeers, descriptors: keeper.source("notification") };
  const handoff = config.handoff.kind === "none"
    ? undefined
    : stack.use(await startHandoff(config.handoff, flow, config, { ...ports, peers, parts }));
  fleet.watch(endRestarted({ metrics, upstream, board: () => handoff?.board }));
  fleet.watch(forgetGone({ metrics, upstream, prompts: parts.prompts }));
  const names = new EngineNames(config.answers.exposeEngines, log);
  fleet.watch((change) => names.follow(change));
  const proof = handoff && stack.use(buildProof(flow, config, { readMetrics, facts }));
  if (proof !== undefined) fleet.watch((change) => proof.follow(change));
  const own = handoff?.notifications?.endpoint.slice("tcp://".length);
  if (own !== undefined) names.hide(own, "this router's port for notifications");
  const generate = handoff &&
    generateDeps(config, handoff, admission, proof, policies.direct.held);
  if (config.checks !== undefined) {
    const { apiKey, checks } = config;
    const checksOf = checksAwake(
      fleet,
      checksBy({ upstream, timeouts, clock, apiKey }, checks),
    );
    stack.use(new EngineChecks({ clock, log, fleet, everyMs: checks.everyMs, checksOf }));
  }
  const elastic = stack.use(watchGroups(config, { clock, log, metrics, fleet }));
  const book = ports.sources === undefined
    ? stack.use(openBook(config, { ...ports, metrics, descriptors }))
    : undefined;
  const sources = ports.sources ?? (book === undefined ? [] : [book]);
  const sourceWatch = stack.use(
    watchSources(book, { clock, log, metrics, exposed: config.answers.exposeEngines }),
  );
  const probed = Promise.all(sources.map((source) => fleet.follow(source))).then(() => {});
  const ending = Promise.withResolvers<void>();
  let firstRound: Promise<void> | undefined = Promise.race([probed, ending.promise]);
  probed.then(() => firstRound = undefined);
  let retired = false;
  let draining = false;
  const bodies = new ByteBudget(config.buffers.maxBytes);
  const gaugeHost = hostGauge(clock, metrics, ports.host);
  const refreshGauges = (): void => {
    metrics.set("pd_router_kv_waiters", {}, handoff?.board.stats().waiters ?? 0);
    metrics.set("pd_router_buffered_bytes", {}, bodies.held);
    metrics.set("pd_router_accepting", {}, front.ailment === undefined ? 1 : 0);
    metrics.set("pd_router_client_connections", {}, front.connections);
    metrics.set("pd_router_queue_length", {}, admission.waiting);
    gaugeHealth(metrics, fleet);
    gaugeLives(metrics, fleet, pairs);
    load.gauge();
    gaugeHost();
    if (batches !== undefined) gaugeBatches(metrics, batches);
    gaugeKvEvents(metrics, kvWatch);
    elastic.gauge();
    sourceWatch.gauge();
  };
  const external = externalOf(config, flow, { caCerts, descriptors, dial: ports.dial });
  if (external !== undefined) stack.use(external);
  const deps: HttpDeps = {
    ...flow,
    admission,
    config,
    version: manifest.version,
    names,
    doors: doors.doors,
    handoff: generate,
    kvReport: proof?.report,
    life: lifeReport(fleet, pairs),
    control,
    lookup: stack.use(new ModelLookup({ clock, fleet })),
    onTrace: ports.onTrace,
    batches,
    hooks: hooksOf(config, ports.hooks, flow),
    external,
    bodies,
    scrapes: stack.use(new Scrapes({ clock, metrics, refreshGauges })),
    ailment: () =>
      front.ailment ??
        (handoff?.notifications?.listening === false
          ? "the socket for KV-ready notifications is not bound"
          : sourceWatch.ailment()),
    remarks: () => ({
      ...doors.remarks(),
      ...sourceWatch.remarks(),
      ...(config.dynamic === undefined ? {} : { dynamic_config: config.dynamic }),
    }),
    firstRound: () => firstRound,
    retired: () => retired,
    draining: () => draining,
  };
  const front = listen(
    config,
    deps,
    { ...doors.front, spare: () => keeper.spare() },
    ports.front ?? ((options, handler) => startHttp1(options, handler, { clock })),
  );
  keeper.attach(front);
  if (generate !== undefined) proof?.start(generate, probed, () => draining);
  stack.defer(() => front.shutdown());
  batches?.start(lineAsker(deps));
  const running = stack.move();
  const stopped = Promise.withResolvers<void>();
  return {
    address: front.addr,
    notifications: handoff?.notifications,
    probed,
    closed: Promise.race([stopped.promise, front.finished]),
    stats: () => ({
      waiters: handoff?.board.stats().waiters ?? 0,
      inflight: fleet.inflight,
      drains: handoff?.reclaimer.pending ?? 0,
      background: background.size,
      connections: upstream.stats().open - upstream.stats().idle,
      buffered: bodies.held,
    }),
    admission: () => ({ queued: admission.waiting, ...fleet.seated }),
    retire: () => void (retired = true),
    async drain(timeoutMs) {
      retired = draining = true;
      admission.close();
      const deadline = new AbortController();
      const ended = Promise.all([front.shutdown(), batches?.rest()]).then(() => background.idle());
      try {
        await Promise.race([ended, sleep(clock, timeoutMs, deadline.signal)]);
      } finally {
        deadline.abort();
      }
    },
    async [Symbol.asyncDispose]() {
      retired = draining = true;
      admission.close();
      batches?.halt();
      // The server waits for its requests, so what they wait for ends first.
      cutOff(upstream);
      external?.[Symbol.dispose]();
      ending.resolve();
      try {
        await handoff?.[Symbol.asyncDispose]();
      } finally {
        await running.disposeAsync();
      }
      stopped.resolve();
    },
  };
}

/** End what still runs: every open exchange with an engine fails, and so its request ends. */
function cutOff(upstream: PooledUpstreamClient): void {
  upstream[Symbol.dispose]();
}

function generateDeps(
  config: RouterConfig,
  { deps }: RunningHandoff,
  admission: Admission,
  proof: RunningProof | undefined,
  heldAt: Policy["held"],
): GenerateDeps {
  const { trustClientKvParams, lmcacheTagDirect } = config;
  const { failurePolicy, fallbackShare, continueStreams } = config.health;
  return {
    ...deps,
    admission,
    trustClientKvParams,
    lmcacheTagDirect,
    failurePolicy,
    fallbackShare,
    continueStreams,
    witness: proof?.witness,
    ...(config.worth === undefined ? {} : { worth: { rules: config.worth, heldAt } }),
  };
}

function listen(
  config: RouterConfig,
  deps: HttpDeps,
  edge: Pick<FrontOptions, "tls" | "addressOf" | "spare">,
  start: StartFront,
): Front {
  const { host, port } = config.listen;
  const options = {
    hostname: host,
    port,
    limits: config.clients,
    ...edge,
    onFault: faultAnswer(deps),
    onEvent: frontTeller(deps),
    onRefusal: refusalAnswer,
  };
  try {
    return start(options, createHandler(deps));
  } catch (cause) {
    throw new RouterError("internal", `Cannot listen on ${host}:${port}`, { cause });
  }
}

async function readPem(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new RouterError("internal", `Cannot read --tls-ca ${path}: ${describeError(cause)}`);
  }
}
