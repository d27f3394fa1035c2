/** The composition root: builds every long-lived part from one configuration. @module */
import manifest from "../deno.json" with { type: "json" };
import {
  ByteBudget,
  type Engine,
  RouterError,
  SharedTimers,
  sleep,
  TurnBreather,
} from "./base/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import { EngineHealth, Fleet, KeyRefusals, ModelLookup } from "./fleet/mod.ts";
import { wireAdmin } from "./app_admin.ts";
import { wireGossip } from "./app_gossip.ts";
import { gaugeBatches, openBatches } from "./app_batches.ts";
import { tellGuarded, wireControl } from "./app_control.ts";
import { joinOthers } from "./app_others.ts";
import { externalClient } from "./app_outside.ts";
import { readPem } from "./app_pem.ts";
import { DescriptorKeeper } from "./app_descriptors.ts";
import { openDiscovery } from "./app_discovery.ts";
import { watchSources } from "./app_sources.ts";
import { Warming } from "./app_warming.ts";
import { openDoors } from "./app_doors.ts";
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
import { gaugeLives, lifeReport, wireLives } from "./app_life.ts";
import { hostGauge } from "./app_host.ts";
import { listen } from "./app_listen.ts";
import { gaugeKvEvents } from "./app_kv_events.ts";
import { AppLive, type Generation, policySlot } from "./app_live.ts";
import { bothObservers, loadOptions, metricsReader, requestLoad, startLoad } from "./app_load.ts";
import { wireObserving } from "./app_observe.ts";
import type { App, AppPorts } from "./app_ports.ts";
import { openReloader } from "./app_reload.ts";
import { openTracing } from "./app_tracing.ts";
import { isSame } from "./reload/mod.ts";
import { policiesOf, Slot, timeoutsOf } from "./app_slot.ts";
import { Admission } from "./flow/mod.ts";
import { type FrontHandler, type StartFront, startHttp1 } from "./front/mod.ts";
import {
  createHandler,
  EngineNames,
  faultAnswer,
  type HttpDeps,
  lineAsker,
  Scrapes,
} from "./http/mod.ts";
import { Metrics } from "./metrics/mod.ts";
import { Background } from "./request/mod.ts";
import { createUpstreamClient, type PooledUpstreamClient } from "./upstream/mod.ts";

export type { AdmissionStats, App, AppPorts, AppStats } from "./app_ports.ts";

/** Why there is nothing to be read again. */
const NO_ORIGIN = "The router was started without a way to read its configuration again";

/** Start a router; resolves when it serves, rejects (with nothing left behind) when it cannot. */
export async function startApp(config: RouterConfig, ports: AppPorts): Promise<App> {
  const { clock, random, log } = ports;
  await using stack = new AsyncDisposableStack();
  const metrics = new Metrics();
  const base = { clock, random, log, metrics };
  const caCerts = config.tlsCaFile === undefined ? [] : [await readPem(config.tlsCaFile)];
  const { reserve, notifications: maxPeers } = config.descriptors;
  const keeper = stack.use(new DescriptorKeeper({ clock, log, metrics, reserve }));
  const descriptors = keeper.source("engine");
  const gossip = ports.bus && stack.use(wireGossip(ports.bus, base));
  const doors = stack.use(openDoors(config, { ...base, sharing: gossip?.keys }));
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
  // Parts that outlive a change of the configuration read what is in force when they need it.
  let live: AppLive | undefined;
  const configNow = (): RouterConfig => live?.config ?? config;
  const timeouts = timeoutsOf(() => configNow().timeouts);
  const keyRefusals = new KeyRefusals(log, () => doors.doors.keepsKeys);
  const requests = requestLoad({ clock, metrics }, config.stats);
  const rules = healthRules(config);
  const health = stack.use(new EngineHealth({ ...base, rules, sharing: gossip?.verdicts }));
  const policies = policySlot(config, random, gossip?.beside);
  tellGuarded(config, log);
  const wiring = wireControl(configNow, { upstream, timeouts, clock });
  const adminWiring = wireAdmin(config, { clock, changes: ports.others?.changes });
  const breather = ports.breather ?? stack.use(new TurnBreather(clock));
  const { apiKey } = config;
  const readMetrics = metricsReader({ upstream, timeouts, breather }, apiKey);
  const { accessLine, others } = ports;
  const tracing = await openTracing(config, { ...base, caCerts, version: manifest.version });
  if (tracing !== undefined) stack.use(tracing);
  const { nextNumber } = others ?? {};
  const observed = { accessLine, nextNumber, tracing };
  const observing = wireObserving(configNow, { clock, random, metrics, ...observed });
  const lives = wireLives(configNow, {
    ...{ clock, log, metrics, upstream, timeouts, apiKey, readMetrics },
  });
  const fleetTold = bothObservers(
    fleetObserver(metrics, keyRefusals, lives.observers),
    requests.observer,
  );
  const fleet = stack.use(
    new Fleet({
      clock,
      random,
      log,
      health,
      policies: policiesOf(() => policies.part),
      fetchCards: wiring.fetching(lives.facts.behind(
        healthFirst({ upstream, timeouts }, cardFetcher({ upstream, timeouts }, apiKey)),
      )),
      frozen: {
        afterMs: config.health.frozenAfterMs,
        giveUp: ({ url }) => upstream.giveUp(url),
      },
      observer: wiring.observing(adminWiring?.observing(fleetTold) ?? fleetTold),
      seats: seatLimits(configNow),
      ...lives.fleet,
      others: gossip?.others,
    }),
  );
  gossip?.start(fleet, health, doors.keys);
  lives.attach(fleet, () => live?.now.pairing?.handoff.board);
  const control = wiring.attach(fleet);
  fleet.watch((change) => keyRefusals.follow(change));
  fleet.watch((change) => requests.follow(change));
  fleet.watch((change) => observing.follow(change));
  const admission = stack.use(
    new Admission({
      clock,
      metrics,
      fleet,
      get size() {
        return configNow().admission.queueSize;
      },
      get timeoutMs() {
        return configNow().admission.queueTimeoutMs;
      },
      onFirst: gossip?.hurry,
    }),
  );
  gossip?.await(admission);
  const [{ stats }, { facts }] = [requests, lives];
  const read = { ...base, fleet, read: readMetrics, facts, stats };
  const load = new Slot(
    loadOptions(config),
    () => startLoad(read, configNow().stats),
  );
  stack.defer(() => load.part[Symbol.asyncDispose]());
  const { dial } = ports;
  const outside = stack.use(externalClient({ clock }, { caCerts, descriptors, dial }));
  const { refuseLinkLocal = false } = doors.upstream;
  const running = live = stack.use(
    await AppLive.open(config, ports.hooks, {
      base: { ...base, fleet, keyRefusals, upstream, background, breather },
      policies,
      admission,
      ports,
      peers: { most: maxPeers, descriptors: keeper.source("notification") },
      telling: { readMetrics, facts },
      kvEvents: { clock, random, log, metrics, breather, refuseLinkLocal, dial },
      outside,
    }),
  );
  const batches = await openBatches(config, running.lasting);
  if (batches !== undefined) stack.use(batches);
  const prompts = { forget: (engine: Engine) => running.prompts.prompts.forget(engine) };
  fleet.watch(forgetGone({ metrics, upstream, prompts }));
  const names = new EngineNames(config.answers.exposeEngines, log, ports.others?.secret);
  fleet.watch((change) => names.follow(change));
  const elastic = stack.use(watchGroups(configNow, { ...base, fleet, leads: gossip?.leads }));
  const discovery = ports.sources === undefined || adminWiring !== undefined
    ? stack.use(openDiscovery(config, { ...ports, ...adminWiring, metrics, descriptors }))
    : undefined;
  const sources = [...ports.sources ?? [], ...discovery === undefined ? [] : [discovery.book]];
  const sourceWatch = stack.use(
    watchSources(discovery?.book, { clock, log, metrics, exposed: config.answers.exposeEngines }),
  );
  const probed = Promise.all(sources.map((source) => fleet.follow(source))).then(() => {});
  const ending = Promise.withResolvers<void>();
  let firstRound: Promise<void> | undefined = Promise.race([probed, ending.promise]);
  probed.then(() => firstRound = undefined);
  let retired = false;
  let draining = false;
  const bodies = new ByteBudget(config.buffers.maxBytes);
  const timers = stack.use(new SharedTimers(clock));
  const gaugeHost = hostGauge(clock, metrics, ports.host);
  const waiting = (): number => running.now.pairing?.handoff.board.stats().waiters ?? 0;
  const refreshGauges = (): void => {
    metrics.set("pd_router_kv_waiters", {}, waiting());
    metrics.set("pd_router_buffered_bytes", {}, bodies.held);
    metrics.set("pd_router_accepting", {}, front.ailment === undefined ? 1 : 0);
    metrics.set("pd_router_client_connections", {}, front.connections);
    metrics.set("pd_router_queue_length", {}, admission.waiting);
    gaugeHealth(metrics, fleet);
    gaugeLives(metrics, fleet, lives);
    load.part.gauge();
    gaugeHost();
    if (batches !== undefined) gaugeBatches(metrics, batches);
    gaugeKvEvents(metrics, running.kvWatch);
    elastic.gauge();
    sourceWatch.gauge();
    gossip?.gauge();
    tracing?.gauge();
    ports.cluster?.gauge?.(metrics);
  };
  const depsOf = (now: Generation): HttpDeps => ({
    ...now.flow,
    admission,
    config: now.config,
    version: manifest.version,
    names,
    doors: doors.doors,
    handoff: now.handoff,
    kvReport: now.pairing?.proof.report,
    life,
    control,
    lookup,
    onTrace: ports.onTrace,
    observe: observing.recorder,
    tracing,
    batches,
    hooks: now.hooks,
    external: now.external,
    ...{ bodies, timers, scrapes },
    begin: now.begin,
    ailment: () =>
      front.ailment ??
        (now.pairing?.handoff.notifications?.listening === false
          ? "the socket for KV-ready notifications is not bound"
          : sourceWatch.ailment()),
    remarks: () => ({
      ...doors.remarks(),
      ...(ports.cluster && { cluster: ports.cluster.remark() }),
      ...sourceWatch.remarks(),
      ...(now.config.dynamic === undefined ? {} : { dynamic_config: now.config.dynamic }),
      ...reloader?.remarks(),
    }),
    firstRound: () => firstRound,
    warming: () => warming.underWay,
    retired: () => retired,
    draining: () => draining,
    whole: ports.others,
  });
  const life = lifeReport(fleet, lives);
  const lookup = stack.use(new ModelLookup({ clock, fleet }));
  const scrapes = stack.use(new Scrapes({ clock, metrics, refreshGauges }));
  let deps: HttpDeps;
  let handle: FrontHandler;
  const serve = (now: Generation): void => {
    hideOwn(names, now);
    deps = depsOf(now);
    handle = createHandler(deps);
  };
  serve(running.now);
  const startFront: StartFront = ports.front ??
    ((options, handler) => startHttp1(options, handler, { clock }));
  const front = listen(
    config,
    {
      log,
      metrics,
      handle: (request) =>
        warming.underWay ? warming.during(() => handle(request)) : handle(request),
    },
    { ...doors.front, sharing: gossip?.addresses, spare: () => keeper.spare() },
    startFront,
  );
  keeper.attach(front);
  const warming = stack.use(
    new Warming(config.lifecycle.warmUp ? ports.warmUp : undefined, { clock, log, after: probed }),
  );
  running.prove(probed, () => draining);
  stack.defer(() => front.shutdown());
  batches?.start((line) => lineAsker(deps)(line));
  const reloader = ports.origin && stack.use(openReloader(ports.origin, {
    clock,
    log,
    metrics,
    exposed: names.exposed,
    apply: (next, hooks) =>
      running.apply(next, hooks, (now, before) => {
        if (!isSame(before.config.control, next.control)) tellGuarded(next, log);
        doors.apply(next);
        discovery?.apply(next);
        bodies.limitBytes = next.buffers.maxBytes;
        const read = load.set(loadOptions(next));
        if (read !== undefined) background.run(Promise.resolve(read[Symbol.asyncDispose]()));
        for (const { load: seats, engine } of fleet.all) seats.configure(engine);
        serve(now);
      }),
  }));
  const admin = discovery && adminWiring?.open({
    ...base,
    book: discovery.book,
    fleet,
    life,
    get kvReport() {
      return running.now.pairing?.proof.report;
    },
    reload: reloader?.reload,
    version: manifest.version,
    observing,
    looked: { stats, admission, front, waiting, deps: () => deps },
    start: startFront,
    edge: doors.front,
    faultAnswer: faultAnswer({ log }),
    everywhere: ports.others?.everywhere,
    all: ports.others?.live,
  });
  if (admin !== undefined) stack.use(admin);
  joinOthers(ports.others, () => deps, admin);
  const all = stack.move();
  const stopped = Promise.withResolvers<void>();
  return {
    address: front.addr,
    get notifications() {
      return running.now.pairing?.handoff.notifications;
    },
    admin: admin?.address,
    probed,
    engines: () => fleet.snapshot().engines,
    proof: () => running.now.pairing?.proof.report,
    config: configNow,
    reload: () => reloader?.reload() ?? Promise.reject(new RouterError("internal", NO_ORIGIN)),
    closed: Promise.race([stopped.promise, front.finished]),
    stats: () => ({
      waiters: waiting(),
      inflight: fleet.inflight,
      drains: running.now.pairing?.handoff.reclaimer.pending ?? 0,
      background: background.size,
      connections: upstream.stats().open - upstream.stats().idle,
      buffered: bodies.held,
    }),
    admission: () => ({ ...admission.stats, ...fleet.seated }),
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
      cutOff(outside);
      ending.resolve();
      try {
        await running.stop();
      } finally {
        await all.disposeAsync();
      }
      stopped.resolve();
    },
  };
}

/** End what still runs: every open exchange with an engine fails, and so its request ends. */
function cutOff(upstream: PooledUpstreamClient): void {
  upstream[Symbol.dispose]();
}

/** Where this router is itself is nobody's outside. */
function hideOwn(names: EngineNames, { pairing }: Generation): void {
  const own = pairing?.handoff.notifications?.endpoint.slice("tcp://".length);
  if (own !== undefined) names.hide(own, "this router's port for notifications");
}
