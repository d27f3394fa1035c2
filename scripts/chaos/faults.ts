/** What goes wrong in a run: kinds of faults, and how each begins and ends. @module */
import type { Random } from "../../lib/base/mod.ts";
import type { FaultWhen, SimFaults } from "../../lib/sim/mod.ts";
import { MODEL } from "../../tests/support/cluster.ts";
import { between, pick } from "./dice.ts";
import type { ChaosFleet } from "./fleet.ts";
import type { ChaosProtocol } from "./options.ts";
import type { Slot } from "./slot.ts";
import { botherNotices } from "./strangers.ts";

/** In the place of a status: the connection breaks. */
export const LOST = 0;

/** What becomes of requests in a process that is killed. */
export const WORKER_KILLED = "a process of the router is killed";

/** Ends a fault. */
export type EndFault = () => Promise<void> | void;

/** One kind of fault. */
export interface FaultKind {
  readonly name: string;
  /** How often it comes, against others. */
  readonly weight: number;
  /** Whom it befalls; `any` of the engines. */
  readonly on: "prefill" | "decode" | "any";
  /** Where KV moves so; everywhere when absent. */
  readonly protocols?: readonly ChaosProtocol[];
  /** It befalls one of several processes of the router. */
  readonly several?: true;
  /** A status that clients may get of it, beside those of any failure; `LOST` for no answer, or not all of it. */
  readonly status?: number;
  readonly begin: (
    fleet: Pick<ChaosFleet, "source" | "notifyPort" | "clock" | "killWorker" | "router">,
    slot: Slot,
    random: Random,
  ) => Promise<EndFault> | EndFault;
}

/** Endpoints of engines at which text is made. */
const TEXT_PATHS = ["/v1/completions", "/v1/chat/completions"];

/** A fault of the simulated engine's own. */
function spoilt(
  name: string,
  on: FaultKind["on"],
  patchOf: (random: Random) => Partial<SimFaults>,
  more: Partial<FaultKind> = {},
): FaultKind {
  return {
    name,
    weight: 2,
    on,
    begin: (_fleet, slot, random) => slot.spoil(patchOf(random)),
    ...more,
  };
}

/** Over LMCache alone KV is announced, and pages wait for it. */
const LMCACHE: Partial<FaultKind> = { protocols: ["lmcache"] };

function errorKinds(): readonly FaultKind[] {
  return [400, 404, 422, 429, 500, 503].map((status) =>
    spoilt(`answers ${status}`, "any", (random) => ({
      errorAnswer: pick<FaultWhen>(random, [true, 0.3, 2]),
      errorStatus: status,
      ...(random.next() < 0.7 ? { paths: TEXT_PATHS } : {}),
    }), { status, weight: 0.7 })
  );
}

/** A change of what the source of engines tells, until the original record is told again. */
function fleetKind(
  name: string,
  on: FaultKind["on"],
  change: (source: ChaosFleet["source"], slot: Slot) => void,
): FaultKind {
  return {
    name,
    weight: 1,
    on,
    begin({ source }, slot) {
      change(source, slot);
      slot.note(name);
      return () => {
        source.upsert(slot.record);
        slot.note("is told of as at first");
      };
    },
  };
}

/** All kinds. */
export const FAULT_KINDS: readonly [FaultKind, ...FaultKind[]] = [
  {
    name: "killed",
    weight: 4,
    on: "any",
    async begin(_fleet, slot) {
      await slot.kill();
      return () => slot.start();
    },
  },
  {
    // Where a decode engine was restarted, LMCache's prefill engines have to be, too.
    name: "restarted",
    weight: 4,
    on: "prefill",
    async begin(_fleet, slot) {
      await slot.kill();
      await slot.start();
      return () => {};
    },
  },
  spoilt("frozen", "any", () => ({ frozen: true }), { weight: 4 }),
  spoilt("slow", "any", (random) => ({ slowTokens: true, slowTokenMs: between(random, 10, 80) })),
  spoilt("notifications lost", "prefill", (random) => ({
    dropNotification: pick<FaultWhen>(random, [true, 0.3]),
  }), LMCACHE),
  spoilt("notifications late", "prefill", (random) => ({
    delayNotification: pick<FaultWhen>(random, [true, 0.5]),
    notificationDelayMs: between(random, 20, 2_500),
  }), LMCACHE),
  spoilt("notifications doubled", "prefill", () => ({ duplicateNotification: true }), LMCACHE),
  spoilt("notifications garbage", "prefill", (random) => ({
    corruptNotification: pick<FaultWhen>(random, [true, 0.3]),
  }), LMCACHE),
  spoilt("notifications of others", "prefill", (random) => ({
    misaddressNotification: pick<FaultWhen>(random, [true, 0.3]),
  }), LMCACHE),
  {
    name: "notifications of strangers",
    weight: 2,
    on: "prefill",
    protocols: ["lmcache"],
    begin: ({ notifyPort }, _slot, random) => botherNotices(notifyPort, random),
  },
  spoilt(
    "no room for KV",
    "decode",
    (random) => ({ noKvRoom: pick<FaultWhen>(random, [true, 0.4]) }),
    LMCACHE,
  ),
  spoilt(
    "KV not loaded",
    "decode",
    (random) => ({ failKvLoad: pick<FaultWhen>(random, [true, 0.4]) }),
    {
      protocols: ["nixl"],
    },
  ),
  spoilt("bytes split", "any", () => ({ splitBytes: "random" })),
  spoilt("comments in streams", "any", () => ({ sseComments: true })),
  spoilt("streams stall", "decode", (random) => ({
    hangMidStream: 0.3,
    hangAfterEvents: between(random, 1, 8),
  })),
  spoilt("streams break", "decode", (random) => ({
    dieMidStream: 0.3,
    dieAfterEvents: between(random, 0, 8),
  })),
  spoilt("streams tell of errors", "decode", (random) => ({
    errorEvent: 0.3,
    errorAfterEvents: between(random, 1, 8),
  })),
  spoilt("no head", "any", () => ({ hangBeforeHead: 0.3 })),
  spoilt("dies before the answer", "any", () => ({ dieBeforeAnswer: 0.4 })),
  spoilt("answers lost", "any", () => ({ loseAnswer: 0.4 })),
  spoilt("answers cut", "any", () => ({ cutAnswer: 0.4 })),
  spoilt("unhealthy", "any", () => ({ unhealthy: true })),
  ...errorKinds(),
  fleetKind("is removed", "any", (source, { record }) => source.remove(record.id)),
  fleetKind("is leaving", "any", (source, { record }) => source.leaving(record.id)),
  fleetKind(
    "serves another model",
    "any",
    (source, { record }) => source.upsert({ ...record, models: ["other"] }),
  ),
  fleetKind(
    "serves the model, as told",
    "any",
    (source, { record }) => source.upsert({ ...record, models: [MODEL] }),
  ),
  // Another spelling of its address, so another engine.
  fleetKind(
    "moves",
    "any",
    (source, { record }) =>
      source.upsert({ ...record, url: record.url.replace("127.0.0.1", "127.1") }),
  ),
  {
    name: WORKER_KILLED,
    weight: 3,
    on: "any",
    several: true,
    status: LOST,
    begin({ killWorker, router }, _slot, random) {
      killWorker?.(between(random, 1, router.workers));
      return () => {};
    },
  },
  // What prefills only cannot do anything else.
  fleetKind(
    "is of no role",
    "decode",
    (source, { record }) => source.upsert({ ...record, role: "any" }),
  ),
];
