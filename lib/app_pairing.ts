/** Handoffs by one protocol, from when they begin until the last request that they serve has ended. @module */
import { every, type UnderWay } from "./base/mod.ts";
import { type PromptParts, type RunningHandoff, startHandoff } from "./app_handoff.ts";
import type { AppPorts } from "./app_ports.ts";
import { buildProof, type EngineTelling, type RunningProof } from "./app_proof.ts";
import type { PeerBounds } from "./app_handoff.ts";
import type { RouterConfig } from "./config/mod.ts";
import type { Fleet, FleetChange } from "./fleet/mod.ts";
import type { FlowDeps } from "./request/mod.ts";

/** What handoffs are started with. */
export interface PairingParts {
  readonly flow: FlowDeps;
  readonly fleet: Fleet;
  readonly ports: Pick<AppPorts, "bindPull" | "kv" | "kvTag" | "cluster">;
  readonly peers: PeerBounds;
  /** Ids of prompts. */
  readonly prompts: PromptParts;
  readonly telling: EngineTelling;
}

/** The handoffs, and what finds out whether their KV moves. */
export interface Pairing extends AsyncDisposable {
  readonly handoff: RunningHandoff;
  readonly proof: RunningProof;
}

/** How often it is looked whether KV still waits to be released, and how often at most. */
const LOOK_MS = 1_000;
const MAX_LOOKS = 600;

/** Start them; undefined where there are none. Rejects when a socket cannot be bound. */
export async function startPairing(
  config: RouterConfig,
  { flow, fleet, ports, peers, prompts, telling }: PairingParts,
): Promise<Pairing | undefined> {
  if (config.handoff.kind === "none") return undefined;
  await using stack = new AsyncDisposableStack();
  const handoff = stack.use(
    await startHandoff(config.handoff, flow, config, { ...ports, peers, parts: prompts }),
  );
  const proof = stack.use(buildProof(flow, config, telling));
  stack.use(followAll(fleet, (change) => proof.follow(change)));
  const all = stack.move();
  return { handoff, proof, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** End `pairing` once `requests` have, and what they have left behind; at once when `stop` aborts. */
export async function endAfter(
  pairing: Pairing,
  requests: UnderWay,
  { clock }: Pick<FlowDeps, "clock">,
  stop: AbortSignal,
): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  const end = (): void => stopped.resolve();
  if (stop.aborted) end();
  stop.addEventListener("abort", end, { once: true });
  try {
    await Promise.race([requests.idle(), stopped.promise]);
    const { reclaimer } = pairing.handoff;
    if (reclaimer.pending > 0) {
      const released = Promise.withResolvers<void>();
      let looks = 0;
      using _looking = every(clock, LOOK_MS, () => {
        if (reclaimer.pending === 0 || ++looks === MAX_LOOKS) released.resolve();
      });
      await Promise.race([released.promise, stopped.promise]);
    }
  } finally {
    stop.removeEventListener("abort", end);
    await pairing[Symbol.asyncDispose]();
  }
}

/** Have `on` told of the engines that are there, and of every change. */
export function followAll(
  fleet: Pick<Fleet, "all" | "watch">,
  on: (change: FleetChange) => void,
): Disposable {
  for (const { engine } of fleet.all) on({ kind: "added", engine });
  return fleet.watch(on);
}
