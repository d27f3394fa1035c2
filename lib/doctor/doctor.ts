/** Looks at all that a router of one configuration needs, in turn. @module */
import type { Engine } from "../base/mod.ts";
import { clusterFinding, type MeetingPlace } from "./cluster.ts";
import {
  clockFindings,
  connectorFindings,
  engineFindings,
  modelFindings,
  propertyFindings,
  skippedFor,
  versionFindings,
} from "./compare.ts";
import { descriptorFinding, type DescriptorRoom } from "./descriptors.ts";
import type { CheckName, Finding } from "./finding.ts";
import { handoffFindings, type PairTries } from "./handoffs.ts";
import { type AskParts, lookAt } from "./look.ts";
import type { Looked } from "./looked.ts";
import {
  type BindTry,
  nixlPortFindings,
  notificationFinding,
  type NotificationSocket,
  type SocketParts,
} from "./sockets.ts";
import { tokenizerFindings } from "./tokenizers.ts";

/** What is looked at, and with what. */
export interface DoctorParts {
  /** Who is there, asked once; `free` as in `tryPairs`. */
  readonly engines: (free: boolean) => Promise<readonly Engine[]>;
  /** Whether prompts are handed over at all. */
  readonly handsOver: boolean;
  readonly descriptors: DescriptorRoom;
  readonly ask: AskParts;
  readonly sockets: SocketParts;
  /** Absent where nothing notifies. */
  readonly notifications: NotificationSocket | undefined;
  /** Absent where replicas do not meet. */
  readonly cluster?: MeetingPlace | undefined;
  /** Tries to bind that socket. */
  readonly tryBind: () => Promise<BindTry>;
  /** Whether a router answers where this one would listen. */
  readonly isRunning: () => Promise<boolean>;
  /** Tries every pair; `free` tells whether notifications can be received for that. */
  readonly tryPairs: (free: boolean) => Promise<PairTries>;
  /** Told what is looked at, whenever it begins. */
  readonly onCheck: (check: CheckName) => void;
  /** Told of each finding. */
  readonly onFound: (found: Finding) => void;
}

/** Engines that are looked at at a time. */
const AT_ONCE = 16;

/** Look at everything; resolves to all that was found, in the order of the checks. */
export async function examine(parts: DoctorParts): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  const check = async (
    name: CheckName,
    look: () => readonly Finding[] | Promise<readonly Finding[]>,
  ): Promise<void> => {
    parts.onCheck(name);
    for (const one of await look()) {
      found.push(one);
      parts.onFound(one);
    }
  };
  const { handsOver, ask, sockets, notifications } = parts;
  await check("descriptors", () => [descriptorFinding(parts.descriptors)]);
  let bind: BindTry | undefined;
  await check("notifications", async () => {
    if (notifications !== undefined) bind = await parts.tryBind();
    const running = bind?.kind === "taken" && await parts.isRunning();
    return [notificationFinding(notifications, bind, running)];
  });
  const { cluster } = parts;
  if (cluster !== undefined) {
    await check("cluster", async () => [await clusterFinding(cluster, sockets)]);
  }
  const free = bind?.kind !== "taken";
  let engines: readonly Engine[] = [];
  let looked: readonly Looked[] = [];
  await check("engines", async () => {
    engines = await parts.engines(free);
    looked = await lookAtAll(engines, ask);
    return engineFindings(looked);
  });
  const there = looked.filter(({ silent }) => silent === undefined);
  await check("clocks", () => clockFindings(there));
  await check("models", () => modelFindings(there, handsOver));
  await check("versions", () => versionFindings(there));
  await check("properties", () => propertyFindings(there));
  await check("tokenizers", () => tokenizerFindings(there, ask));
  await check("connectors", () => connectorFindings(there));
  await check("nixl-ports", () => nixlPortFindings(engines, sockets));
  await check("handoffs", async () => {
    if (!handsOver) return [skippedFor("handoffs", "prompts are not handed over here")];
    return handoffFindings(await parts.tryPairs(free));
  });
  return found;
}

async function lookAtAll(
  engines: readonly Engine[],
  ask: AskParts,
): Promise<readonly Looked[]> {
  const looked: Looked[] = [];
  for (let at = 0; at < engines.length; at += AT_ONCE) {
    const some = engines.slice(at, at + AT_ONCE).map((engine) => lookAt(engine, ask));
    looked.push(...await Promise.all(some));
  }
  return looked;
}
