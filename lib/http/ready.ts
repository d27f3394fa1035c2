/** `GET /ready`: whether a balancer shall send requests here, and what is missing where not. @module */
import { type EngineFleet, missingOf } from "../fleet/mod.ts";
import type { Answer } from "../request/mod.ts";
import type { HttpDeps } from "./context.ts";
import { jsonAnswer } from "./respond.ts";

/** What readiness is told by. */
export type ReadyDeps =
  & Pick<HttpDeps, "ailment" | "draining" | "firstRound" | "retired">
  & {
    readonly fleet: Pick<EngineFleet, "snapshot" | "differ">;
    /** Set where others serve models: no engine is needed then. */
    readonly external?: HttpDeps["external"];
    readonly handoff: Pick<NonNullable<HttpDeps["handoff"]>, "failurePolicy"> | undefined;
  };

/**
 * 200 while requests are taken and some engine can serve; else 503, with what it waits for. Addresses
 * are not told: nobody needs a key to ask.
 */
export function ready(deps: ReadyDeps): Answer {
  const [status, missing] = lackOf(deps);
  return missing.length === 0
    ? jsonAnswer(200, { status: "ready" })
    : jsonAnswer(503, { status, missing });
}

function lackOf(deps: ReadyDeps): readonly [status: string, missing: readonly string[]] {
  if (deps.retired() || deps.draining()) {
    return ["draining", ["the router is stopping: send requests to another"]];
  }
  if (deps.firstRound() !== undefined) {
    return ["starting", ["the engines have not all been asked for their models yet"]];
  }
  const ailment = deps.ailment();
  const view = deps.fleet.snapshot();
  const alone = deps.external !== undefined && view.engines.length === 0;
  const paired = deps.handoff?.failurePolicy === "error";
  const lacks = alone
    ? []
    : missingOf(view, paired, (prefill, decode) => deps.fleet.differ(prefill, decode));
  return ["not ready", ailment === undefined ? lacks : [ailment, ...lacks]];
}
