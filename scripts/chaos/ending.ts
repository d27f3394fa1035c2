/** What must hold once faults and requests have ended. @module */
import { type Clock, sleep } from "../../lib/base/mod.ts";
import type { ChaosFleet } from "./fleet.ts";
import type { Slot } from "./slot.ts";

/** What the log says of KV that could not be released after all tries. */
export const GIVEN_UP = "Cannot drain KV";

/**
 * What is left over anywhere, by name; nothing of it is zero. KV is not counted at an engine of which
 * `isGivenUp` says that the router has told of KV there that it could not release.
 */
export function leftovers(
  fleet: Pick<ChaosFleet, "router" | "front" | "slots">,
  isGivenUp: (slot: Slot) => boolean,
): Readonly<Record<string, number>> {
  const { router, front, slots } = fleet;
  const found: Record<string, number> = {
    ...router.app.stats(),
    ...router.app.admission(),
    clients: front.connections,
  };
  for (const slot of slots) {
    const { name, engine } = slot;
    const stats = engine?.stats();
    found[`running at ${name}`] = (stats?.runningNow ?? 0) + (stats?.waitingNow ?? 0);
    found[`KV held at ${name}`] = isGivenUp(slot) ? 0 : stats?.heldKv ?? 0;
  }
  return Object.fromEntries(Object.entries(found).filter(([, count]) => count !== 0));
}

/** What `/engines` tells of one. */
interface ToldEngine {
  readonly engine_id: string;
  readonly verdict?: string;
  readonly why?: string;
  readonly shut_pairs?: readonly unknown[];
}

/** What the router holds against its engines; empty when all are good. */
export async function ailments({ router, slots }: ChaosFleet): Promise<readonly string[]> {
  const engines: readonly ToldEngine[] = await (await fetch(`${router.url}/engines`)).json();
  const names = new Map(slots.map(({ name, record }) => [record.id, name]));
  const found = engines.flatMap(({ engine_id: id, verdict, why, shut_pairs: pairs = [] }) => [
    ...(verdict === undefined ? [] : [`${names.get(id)} is ${verdict}: ${why}`]),
    ...pairs.map((pair) => `${names.get(id)}, pair ${JSON.stringify(pair)}`),
  ]);
  return engines.length === slots.length
    ? found
    : [...found, `${engines.length} engines are told of`];
}

/** How often a condition is looked at, in milliseconds. */
const LOOK_MS = 50;

/** Wait until `problem` finds none; what it found last when it still does after `timeoutMs`. */
export async function settled(
  clock: Clock,
  problem: () => Promise<string | undefined> | string | undefined,
  timeoutMs: number,
): Promise<string | undefined> {
  const end = clock.now() + timeoutMs;
  for (;;) {
    const found = await problem();
    if (found === undefined || clock.now() > end) return found;
    await sleep(clock, LOOK_MS);
  }
}
