/** The simulator's own endpoints: statistics, faults, reset. @module */
import { ApiError } from "./api_error.ts";
import type { ControlHandler } from "./control.ts";
import type { EngineCore } from "./core.ts";
import { mergeFaults, noFaults } from "./faults.ts";
import { refuse } from "./inference.ts";
import type { SimStats } from "./stats.ts";

/** A snapshot of everything the engine counts. */
export function statsOf(core: EngineCore): SimStats {
  const { stats, kv, nixl, options, admission } = core;
  const pages = kv?.held(options.leakAfterMs) ?? { heldKv: 0, leaked: 0 };
  return stats.snapshot({
    heldKv: pages.heldKv + (nixl?.held ?? 0),
    leaked: pages.leaked,
    waitingNow: admission.waiting,
  });
}

/** `GET /sim/stats`. */
export const adminStats: ControlHandler = (core, _request, reply) =>
  reply.json(200, JSON.stringify(statsOf(core)));

/** `POST /sim/faults`: merge the fields given; answers the faults in force. */
export const adminFaults: ControlHandler = async (core, request, reply) => {
  let patch: unknown;
  try {
    patch = request.body.length === 0 ? {} : JSON.parse(new TextDecoder().decode(request.body));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    await refuse(core, reply, new ApiError(400, "BadRequestError", `faults: ${reason}`));
    return;
  }
  const problems = mergeFaults(core.faults, patch);
  if (problems.length > 0) {
    await refuse(core, reply, new ApiError(400, "BadRequestError", problems.join("; ")));
    return;
  }
  await reply.json(200, JSON.stringify(core.faults));
};

/** `POST /sim/reset`: no faults, no counts, no KV held, a live engine core. */
export const adminReset: ControlHandler = async (core, _request, reply) => {
  Object.assign(core.faults, noFaults());
  core.stats.reset();
  core.finished.reset();
  // A process ends with its core; another one takes its place.
  if (core.life.dead) core.life.start(core.clock.unixMs());
  core.life.revive();
  core.sender?.forget();
  core.kv?.clear();
  core.nixl?.clear();
  core.prefix?.clear();
  await reply.json(200, "{}");
};
