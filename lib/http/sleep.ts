/** `/sleep`, `/wake_up` and `/is_sleeping`, of one engine. @module */
import type { ControlAsk } from "../flow/mod.ts";
import type { Answer } from "../request/mod.ts";
import type { HttpCall, HttpDeps } from "./context.ts";
import { namedEngine } from "./controlled.ts";
import { pathWithQuery } from "./picked_engine.ts";

/** `POST /sleep?id=`: other parameters go on. A sleeping engine gets no requests. */
export async function putToSleep(deps: HttpDeps, call: HttpCall): Promise<Answer> {
  const engine = namedEngine(deps, call);
  const entry = deps.fleet.snapshot().entries.find((each) => each.engine.id === engine.id);
  return await deps.control.sleep(engine, entry?.asleep === true, askOf(call, "POST"));
}

/** `POST /wake_up?id=`: it is used again as soon as it says that it is awake. */
export async function wakeUp(deps: HttpDeps, call: HttpCall): Promise<Answer> {
  return await deps.control.wakeUp(namedEngine(deps, call), askOf(call, "POST"));
}

/** `GET /is_sleeping?id=`. */
export async function isSleeping(deps: HttpDeps, call: HttpCall): Promise<Answer> {
  return await deps.control.askAsleep(namedEngine(deps, call), askOf(call, "GET"));
}

function askOf(call: HttpCall, method: ControlAsk["method"]): ControlAsk {
  const { headers, signal } = call.context;
  return { method, path: pathWithQuery(call), headers, signal };
}
