/** Groups of checks, each with the engines and routers it needs. @module */
import { type MatrixPool, POOLS } from "../../tests/support/matrix.ts";
import { checkCanariesWell, checkCanaryOfSeeds } from "./canary_checks.ts";
import type { Checks } from "./check.ts";
import { LEASE_SECONDS, MODEL, nixlKind, type RealEngine, startEngine } from "./engine.ts";
import type { Environment } from "./environment.ts";
import { checkFaults } from "./fault_checks.ts";
import { checkForms } from "./form_checks.ts";
import { startGate } from "./gate.ts";
import { checkKvEvents, publishingEntry, publishingKind } from "./kv_event_checks.ts";
import { receiverKind, senderKind } from "./lmcache_engine.ts";
import { checkLmcacheFaults } from "./lmcache_fault_checks.ts";
import { checkMatrix } from "./matrix_checks.ts";
import { checkKvMoved, checkLmcacheMoved, lossesOf } from "./moved_checks.ts";
import { checkProxyNotif } from "./notif_check.ts";
import { pause, type Processes } from "./process.ts";
import { checkRestarts } from "./restart_checks.ts";
import { startRouter, warmUp } from "./router.ts";

/** What a group has to work with. */
export interface Stage {
  readonly environment: Environment;
  readonly checks: Checks;
  /** Bytes of memory that were free at the start. */
  readonly memory: number;
  readonly processes: Processes;
  /** Folder of the logs. */
  readonly logs: string;
  readonly print: (line: string) => void;
}

/** Ports of this run: pinned, so that logs of several runs can be compared. */
const PORTS = {
  single: 18_400,
  prefills: [18_401, 18_402],
  decode: 18_403,
  sides: [18_411, 18_412, 18_413],
  routers: {
    direct: 18_420,
    handoff: 18_421,
    faults: 18_422,
    canary: 18_423,
    events: 18_424,
    restarts: 18_425,
  },
  publishers: [
    { name: "publisher-1", port: 18_408, events: 18_450 },
    { name: "publisher-2", port: 18_409, events: 18_452 },
  ],
  sender: 18_404,
  receivers: [
    { name: "receiver-p1", port: 18_405, init: 18_431, alloc: 18_432, skip: 1 },
    { name: "receiver-d1", port: 18_406, init: 18_433, alloc: 18_434, skip: 0 },
  ],
  otherSeed: { name: "receiver-seed", port: 18_407, init: 18_435, alloc: 18_436 },
  notifications: 18_440,
} as const;

/** Memory of one engine, in bytes: two to three GiB were seen. */
const ENGINE_BYTES = 3.2 * 2 ** 30;

/** All groups, in the order they run. */
export const GROUPS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  nixl: runNixl,
  lmcache: runLmcache,
  restarts: runRestarts,
  events: runKvEvents,
};

async function runRestarts({ environment, checks, processes, logs }: Stage): Promise<void> {
  const [prefillPort] = PORTS.prefills;
  const kinds = [
    nixlKind("prefill-1", prefillPort, PORTS.sides[0]),
    nixlKind("decode-1", PORTS.decode, PORTS.sides[1]),
    nixlKind("decode-2", PORTS.prefills[1], PORTS.sides[2]),
  ] as const;
  const start = (kind: Parameters<typeof startEngine>[3]): Promise<RealEngine> =>
    startEngine(processes, environment, logs, kind);
  const [single, prefill, ...decodes] = await Promise.all([
    start({ name: "single", port: PORTS.single }),
    start(kinds[0]),
    start(kinds[1]),
    start(kinds[2]),
  ]);
  const router = await startRouter(processes, logs, "router-restarts", PORTS.routers.restarts, [
    ...["--kv-protocol", "nixl", "--continue-streams", "--decode-policy", "roundrobin"],
    ...["--prefill", prefill.url],
    ...decodes.flatMap(({ url }) => ["--decode", url]),
  ]);
  if (await warmUp(router) > 0) await pause((LEASE_SECONDS + 3) * 1000);
  await checkRestarts(checks, {
    group: "NixlConnector 1P2D",
    router,
    single,
    prefill,
    decodes,
    startAgain: ({ name }) => {
      const kind = kinds.find((each) => each.name === name);
      if (kind === undefined) throw new Error(`No engine is called ${name}`);
      return start(kind);
    },
  });
}

async function runKvEvents({ environment, checks, processes, logs }: Stage): Promise<void> {
  const engines = await Promise.all(
    PORTS.publishers.map(({ name, port, events }) =>
      startEngine(processes, environment, logs, publishingKind(name, port, events))
    ),
  );
  const config = `${logs}/kv-events.json`;
  const entries = engines.map((engine, at) =>
    publishingEntry(engine, PORTS.publishers[at]?.events ?? 0)
  );
  await Deno.writeTextFile(config, JSON.stringify({ engines: entries }));
  const router = await startRouter(processes, logs, "router-events", PORTS.routers.events, [
    ...["--routing-logic", "kvaware", "--config", config],
  ]);
  await checkKvEvents(checks, router, engines);
}

async function runNixl({ environment, checks, memory, processes, logs }: Stage): Promise<void> {
  const start = (kind: Parameters<typeof startEngine>[3]): Promise<RealEngine> =>
    startEngine(processes, environment, logs, kind);
  const ports = memory > 4.3 * ENGINE_BYTES ? PORTS.prefills : PORTS.prefills.slice(0, 1);
  const [single, decode, ...prefills] = await Promise.all([
    start({ name: "single", port: PORTS.single }),
    start(nixlKind("decode", PORTS.decode, PORTS.sides[2])),
    ...ports.map((port, index) =>
      start(nixlKind(`prefill-${index + 1}`, port, PORTS.sides[index] ?? 0))
    ),
  ]);
  const flags = ["--kv-protocol", "nixl"];
  const direct = await startRouter(processes, logs, "router-direct", PORTS.routers.direct, [
    ...["--routing-logic", "roundrobin"],
    ...["--static-backends", single.url, "--static-models", MODEL],
  ]);
  await checkMatrix(checks, { group: "vLLM, direct", router: direct, single });
  await checkForms(checks, { group: "vLLM, direct", router: direct, single });
  const group = `NixlConnector ${prefills.length}P1D`;
  const router = await startRouter(processes, logs, "router-nixl", PORTS.routers.handoff, [
    ...flags,
    ...prefills.flatMap(({ url }) => ["--prefill", url]),
    ...["--decode", decode.url],
  ]);
  // What was given up stays with the prefill engine until its lease ends.
  if (await warmUp(router) > 0) await pause((LEASE_SECONDS + 3) * 1000);
  const before = await lossesOf(prefills, decode);
  const handoff = { pool: poolNamed("NIXL"), decode };
  await checkMatrix(checks, { group, router, single, handoff });
  await checkForms(checks, { group, router, single });
  await checkKvMoved(checks, group, router, prefills, decode, before);
  const canaries = await startRouter(processes, logs, "router-canary", PORTS.routers.canary, [
    ...[...flags, "--canary"],
    ...prefills.flatMap(({ url }) => ["--prefill", url]),
    ...["--decode", decode.url],
  ]);
  await checkCanariesWell(checks, group, canaries, prefills.length);
  await canaries.process.stop();
  using gates = new DisposableStack();
  const prefillGates = prefills.map(({ port }) => gates.use(startGate(port)));
  const decodeGate = gates.use(startGate(decode.port));
  const faults = await startRouter(processes, logs, "router-faults", PORTS.routers.faults, [
    ...flags,
    ...prefillGates.flatMap(({ url }) => ["--prefill", url]),
    ...["--decode", decodeGate.url],
  ]);
  await checkFaults(checks, {
    group,
    router: faults,
    single,
    prefills,
    decode,
    prefillGates,
    decodeGate,
    sidePorts: PORTS.sides,
  });
}

/** What mode P1 cannot do by its nature; lib/disagg/README.md says so too. */
const P1_LIMITS = {
  seed: "above temperature 0 the decode engine's random numbers begin anew behind the first token",
  penalties: "the decode engine takes the first token for prompt, which these two do not count",
};

async function runLmcache({ environment, checks, processes, logs }: Stage): Promise<void> {
  await checks.run(
    "LMCache's code",
    "ProxyNotif as LMCache encodes and pushes it",
    () => checkProxyNotif(environment.python),
  );
  const notifications = { port: PORTS.notifications };
  const [sender, receivers, single] = await Promise.all([
    senderKind(logs, "sender", PORTS.sender, notifications).then((kind) =>
      startEngine(processes, environment, logs, kind)
    ),
    Promise.all(PORTS.receivers.map(async ({ name, port, init, alloc, skip }) => {
      const kind = await receiverKind(logs, name, port, { init, alloc }, skip);
      return await startEngine(processes, environment, logs, kind);
    })),
    startEngine(processes, environment, logs, { name: "single", port: PORTS.single }),
  ]);
  for (const [index, { init, alloc, skip }] of PORTS.receivers.entries()) {
    const decode = receivers[index];
    if (decode === undefined) continue;
    const mode = skip === 1 ? "P1" : "D1";
    const group = `LMCache ${mode}`;
    const flags = [
      ...["--nixl-proxy-host", "127.0.0.1", "--nixl-proxy-port", String(PORTS.notifications)],
      ...["--nixl-first-token", skip === 1 ? "prefill" : "decode"],
    ];
    const to = (url: string): string => `${url};init=${init};alloc=${alloc}`;
    const router = await startRouter(processes, logs, `router-${mode}`, PORTS.routers.handoff, [
      ...flags,
      ...["--prefill", sender.url, "--decode", to(decode.url)],
    ]);
    await warmUp(router);
    const limits = skip === 1 ? P1_LIMITS : {};
    const handoff = { pool: poolNamed(group), decode };
    await checkMatrix(checks, { group, router, single, handoff, limits });
    await checkForms(checks, { group, router, single });
    await checkLmcacheMoved(checks, group, router, sender, decode);
    // The next one binds the same port, to which the prefill engine's sockets connect again.
    await router.process.stop();
    const canary = await startRouter(
      processes,
      logs,
      `router-${mode}-canary`,
      PORTS.routers.canary,
      [...flags, "--canary", "--prefill", sender.url, "--decode", to(decode.url)],
    );
    await checkCanariesWell(checks, group, canary, 1);
    await canary.process.stop();
    using gates = new DisposableStack();
    const prefillGate = gates.use(startGate(sender.port));
    const decodeGate = gates.use(startGate(decode.port));
    const name = `router-${mode}-faults`;
    const faults = await startRouter(processes, logs, name, PORTS.routers.faults, [
      ...[...flags, "--lmcache-tag-direct"],
      ...["--prefill", prefillGate.url, "--decode", to(decodeGate.url)],
    ]);
    await checkLmcacheFaults(checks, {
      group,
      router: faults,
      single,
      decode,
      prefillGate,
      decodeGate,
    });
    await faults.process.stop();
  }
  await Promise.all(receivers.map(({ process }) => process.stop()));
  await runOtherSeed({ environment, checks, processes, logs }, sender);
}

/** The same sender, and a receiver that names chunks by another seed. */
async function runOtherSeed(
  { environment, checks, processes, logs }: Pick<
    Stage,
    "environment" | "checks" | "processes" | "logs"
  >,
  sender: RealEngine,
): Promise<void> {
  const { name, port, init, alloc } = PORTS.otherSeed;
  const kind = await receiverKind(logs, name, port, { init, alloc }, 1);
  const env = { ...kind.env, PYTHONHASHSEED: "1" };
  const decode = await startEngine(processes, environment, logs, { ...kind, env });
  const router = await startRouter(processes, logs, "router-seed", PORTS.routers.canary, [
    ...["--nixl-proxy-host", "127.0.0.1", "--nixl-proxy-port", String(PORTS.notifications)],
    ...["--nixl-first-token", "prefill", "--canary"],
    ...["--prefill", sender.url, "--decode", `${decode.url};init=${init};alloc=${alloc}`],
  ]);
  await checkCanaryOfSeeds(checks, "LMCache P1", router);
  await router.process.stop();
}

function poolNamed(name: string): MatrixPool {
  const pool = POOLS.find((each) => each.name === name);
  if (pool === undefined) throw new Error(`The matrix has no pool ${name}`);
  return pool;
}
