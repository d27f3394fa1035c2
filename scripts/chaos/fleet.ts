/** The engines of a run, the router before them, and one engine alone that says what is right. @module */
import type { Clock, Engine, Mode } from "../../lib/base/mod.ts";
import type { Front, StartFront } from "../../lib/front/mod.ts";
import { createSharedStore, type SimEngine, type SimOptions } from "../../lib/sim/mod.ts";
import { freePort, MODEL, startSim } from "../../tests/support/cluster.ts";
import type { TestRouter } from "../../tests/support/router.ts";
import type { CountingClock } from "./counting_clock.ts";
import type { Diary } from "./diary.ts";
import type { ChaosOptions, ChaosProtocol } from "./options.ts";
import { type ChaosSource, startChaosRouter } from "./router.ts";
import { Slot } from "./slot.ts";

/** Worker ranks of every engine. */
const RANKS = 2;

/** How long NIXL's prefill engines keep KV that nobody fetches, in milliseconds. */
const LEASE_MS = 3_000;

/** Prompt tokens of KV that the first decode engine has room for, over LMCache. */
const ROOM = { chunkTokens: 256, bytesPerToken: 1, bytes: 24 * 256 };

/** A running fleet. */
export interface ChaosFleet extends AsyncDisposable {
  readonly slots: readonly Slot[];
  readonly prefills: readonly Slot[];
  readonly decodes: readonly Slot[];
  readonly source: ChaosSource;
  readonly router: TestRouter;
  readonly front: Pick<Front, "connections">;
  /** Ends one of several processes of the router by force, where all serve; absent where it has one. */
  readonly killWorker?: ((number: number) => void) | undefined;
  /** The router's. */
  readonly clock: CountingClock;
  /** The same model, whole. */
  readonly single: SimEngine;
  /** Where KV-ready notifications go; 0 without any. */
  readonly notifyPort: number;
}

/** What a fleet is started with. */
export interface FleetPorts {
  readonly clock: Clock;
  readonly diary: Diary;
  /** @default the platform's server */
  readonly front?: StartFront;
}

type Shape = Pick<ChaosOptions, "seed" | "prefills" | "decodes" | "protocol" | "workers">;

/** Start all of it. */
export async function startFleet(shape: Shape, ports: FleetPorts): Promise<ChaosFleet> {
  const { seed, protocol } = shape;
  const { clock } = ports;
  await using stack = new AsyncDisposableStack();
  const take = portTaker();
  const proxyPort = take();
  const common = { ranks: RANKS, models: [MODEL], ...connectorOf(protocol) };
  const decodes = Array.from(
    { length: shape.decodes },
    (_, index) => decodeSlot(index, { clock, common, seed, protocol, take }),
  );
  const prefills = Array.from(
    { length: shape.prefills },
    (_, index) => prefillSlot(index, { clock, common, seed, protocol, take, proxyPort }),
  );
  const slots = [...prefills, ...decodes];
  for (const slot of slots) {
    stack.use(slot);
    await slot.start();
  }
  const single = stack.use(await startSim({ role: "any" }, 300));
  const records = slots.map(({ record }) => record);
  const begun = stack.use(await startChaosRouter(records, { ...shape, ...ports, proxyPort }));
  const parts = stack.move();
  return {
    slots,
    prefills,
    decodes,
    ...begun,
    single,
    notifyPort: protocol === "lmcache" ? proxyPort : 0,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

function connectorOf(protocol: ChaosProtocol): Partial<SimOptions> {
  switch (protocol) {
    case "lmcache":
      return { kvConnector: protocol };
    case "nixl":
      return { kvConnector: protocol, kvLeaseMs: LEASE_MS };
    case "shared_storage":
      return { kvConnector: protocol, sharedStore: createSharedStore() };
    default:
      return protocol satisfies never;
  }
}

interface Making {
  readonly clock: Clock;
  readonly common: Partial<SimOptions>;
  readonly seed: number;
  readonly protocol: ChaosProtocol;
  /** A port for the slot's own. */
  readonly take: () => number;
}

function decodeSlot(index: number, { clock, common, seed, protocol, take }: Making): Slot {
  const mode: Mode = index % 2 === 0 ? "p1" : "d1";
  const port = take();
  const [initPorts, allocPorts] = [0, 1].map(() => Array.from({ length: RANKS }, take));
  return new Slot({
    name: `decode ${index}`,
    clock,
    seed: seed + 1_000 * (index + 1),
    sim: {
      ...common,
      role: "decode",
      port,
      initPorts: initPorts ?? [],
      allocPorts: allocPorts ?? [],
      sideChannelPort: protocol === "nixl" ? take() : 0,
      skipLastNTokens: mode === "d1" ? 0 : 1,
      itlMs: 4,
      ttftMs: 5,
      maxNumSeqs: 16,
    },
    record: {
      ...recordAt(port, protocol),
      role: "decode",
      nixl: {
        host: "127.0.0.1",
        initPorts: initPorts ?? [],
        allocPorts: allocPorts ?? [],
        modes: [mode],
        ...(index === 0 && protocol === "lmcache" ? { buffer: ROOM } : {}),
      },
    },
  });
}

/** When each prefill engine notifies, in turn: before its answer, with it, or later. */
const NOTIFIES = ["before", 0, 20] as const;

function prefillSlot(
  index: number,
  { clock, common, seed, protocol, take, proxyPort }: Making & { readonly proxyPort: number },
): Slot {
  const port = take();
  return new Slot({
    name: `prefill ${index}`,
    clock,
    seed: seed + 100_000 * (index + 1),
    sim: {
      ...common,
      role: "prefill",
      port,
      proxyHost: "127.0.0.1",
      proxyPort,
      sideChannelPort: protocol === "nixl" ? take() : 0,
      notify: NOTIFIES[index % NOTIFIES.length] ?? 0,
      ttftMs: 15,
      prefillMsPerToken: 0.02,
    },
    record: { ...recordAt(port, protocol), role: "prefill" },
  });
}

function recordAt(port: number, kv: ChaosProtocol): Omit<Engine, "role"> {
  const host = `127.0.0.1:${port}`;
  return { id: host, url: `http://${host}`, models: [], kv };
}

/** Gives free ports, each once. */
function portTaker(): () => number {
  const taken = new Set<number>();
  return () => {
    for (;;) {
      const port = freePort();
      if (taken.has(port)) continue;
      taken.add(port);
      return port;
    }
  };
}
