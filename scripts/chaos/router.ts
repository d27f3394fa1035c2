/** The router of a run: in the run's own process, or as several processes. @module */
import type { Clock, Engine } from "../../lib/base/mod.ts";
import { type Front, startDenoFront, type StartFront } from "../../lib/front/mod.ts";
import { startRouter, startSeveral } from "../../tests/support/router.ts";
import { ScriptedSource } from "../../tests/support/scripted_source.ts";
import { CountingClock } from "./counting_clock.ts";
import type { Diary } from "./diary.ts";
import type { ChaosFleet } from "./fleet.ts";
import type { ChaosOptions } from "./options.ts";
import { ROUTER } from "./router_settings.ts";

/** What the router has its engines from. */
export type ChaosSource = Pick<ScriptedSource, "upsert" | "leaving" | "remove">;

/** What a router is started with. */
export interface ChaosRouterParts extends Pick<ChaosOptions, "seed" | "protocol" | "workers"> {
  readonly clock: Clock;
  readonly diary: Diary;
  readonly proxyPort: number;
  /** Of one process. */
  readonly front?: StartFront;
}

type ChaosRouter =
  & Pick<ChaosFleet, "router" | "source" | "front" | "clock" | "killWorker">
  & AsyncDisposable;

/** Start it before engines of these records. */
export function startChaosRouter(
  records: readonly Engine[],
  parts: ChaosRouterParts,
): Promise<ChaosRouter> {
  return parts.workers === 1 ? startOne(records, parts) : startAll(records, parts);
}

async function startOne(
  records: readonly Engine[],
  { clock, diary, front: given, ...rest }: ChaosRouterParts,
): Promise<ChaosRouter> {
  const source = ScriptedSource.of(records);
  const counting = new CountingClock(clock);
  const begin = given ??
    ((options, handler) => startDenoFront(options, handler, { clock: counting }));
  let front: Front | undefined;
  const router = await startRouter(records, {
    ...settingsOf(rest),
    clock: counting,
    log_: diary.log,
    onTrace: diary.onTrace,
    ports: {
      sources: [source],
      front: (options, handler) => front = begin(options, handler),
    },
  });
  if (front === undefined) throw new Error("The router has started without a front");
  return {
    ...{ router, source, front, clock: counting },
    [Symbol.asyncDispose]: () => router[Symbol.asyncDispose](),
  };
}

/** Timers and connections of other processes are not counted. */
async function startAll(
  records: readonly Engine[],
  { clock, diary, workers: count, ...rest }: ChaosRouterParts,
): Promise<ChaosRouter> {
  const write = (text: string): void => diary.take(text);
  const router = await startSeveral(records, settingsOf(rest), { count, write });
  return {
    router,
    source: {
      upsert: (engine) => router.tell({ kind: "upsert", engine }),
      leaving: (id) => router.tell({ kind: "leaving", id }),
      remove: (id) => router.tell({ kind: "remove", id }),
    },
    front: { connections: 0 },
    clock: new CountingClock(clock),
    killWorker: (number) => void router.kill(number),
    [Symbol.asyncDispose]: () => router[Symbol.asyncDispose](),
  };
}

function settingsOf(
  { seed, protocol: kind, proxyPort: port }: Pick<
    ChaosRouterParts,
    "seed" | "protocol" | "proxyPort"
  >,
): typeof ROUTER & { readonly seed: number } {
  const handoff = { ...ROUTER.handoff, kind, proxy: { host: "127.0.0.1", port } };
  return { ...ROUTER, handoff, seed };
}
