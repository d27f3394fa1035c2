/** The requests by which engines are tried, sent and judged. @module */
import { type Clock, type Engine, jsonOf, recordOf, RouterError } from "./base/mod.ts";
import type { CheckOptions, ModelType } from "./config/mod.ts";
import { checkRequest } from "./disagg/mod.ts";
import type { EngineCheck, Flight } from "./fleet/mod.ts";
import { exchange, type FlowDeps } from "./request/mod.ts";

/** What checks are sent with. */
export interface CheckDeps extends Pick<FlowDeps, "upstream" | "timeouts"> {
  readonly clock: Clock;
  readonly apiKey: string | undefined;
}

/** Answers that tell of the router's key, or of want of room: of what the engine can do, nothing. */
const TELL_NOTHING: ReadonlySet<number> = new Set([401, 403, 429, 503]);

/** Largest answer, in bytes: embeddings can have thousands of numbers. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** What engines are tried with: one request for each type of their models. */
export function checksBy(
  deps: CheckDeps,
  options: CheckOptions,
): (engine: Engine) => readonly EngineCheck[] {
  return (engine) =>
    [...modelsByType(engine, options)].map(([type, model]) => ({
      what: `${type} of ${model}`,
      ask: (flight, signal) => ask(deps, options, { flight, model, type, signal }),
    }));
}

/** The first model of each type. Of an engine for all, nothing is asked that was not named. */
function modelsByType(
  { url, role, models }: Engine,
  { types }: CheckOptions,
): ReadonlyMap<ModelType, string> {
  const named = types.get(url);
  const found = new Map<ModelType, string>();
  for (const model of models) {
    const type = named?.get(model) ?? (role === "any" ? undefined : "completion");
    if (type !== undefined && !found.has(type)) found.set(type, model);
  }
  return found;
}

interface Asked {
  readonly flight: Flight;
  readonly model: string;
  readonly type: ModelType;
  readonly signal: AbortSignal;
}

async function ask(
  deps: CheckDeps,
  { timeoutMs }: CheckOptions,
  { flight, model, type, signal }: Asked,
): Promise<"ok" | "nothing"> {
  const { engine } = flight;
  const { path, contentType, body } = checkRequest(engine, model, type);
  const key = deps.apiKey === undefined
    ? []
    : [["authorization", `Bearer ${deps.apiKey}`] as const];
  const late = new AbortController();
  const timer = deps.clock.after(timeoutMs, () => late.abort());
  const failed = (text: string, cause?: unknown): RouterError =>
    new RouterError("check-failed", `Engine ${engine.url} ${text} (check by ${path})`, { cause });
  try {
    using response = await exchange(deps, flight, {
      path,
      headers: [["content-type", contentType], ...key],
      body: [body],
      headTimeoutMs: timeoutMs,
      signal: AbortSignal.any([signal, late.signal]),
    });
    const { status } = response;
    if (TELL_NOTHING.has(status)) return "nothing";
    const answer = recordOf(jsonOf(await response.readAll(MAX_ANSWER_BYTES)));
    if (status !== 200) throw failed(`answered with status ${status}`);
    if (answer === undefined) throw failed("answered no JSON object");
    if ((answer["error"] ?? null) !== null) throw failed("answered with an error");
    return "ok";
  } catch (error) {
    if (late.signal.aborted) throw failed(`did not answer within ${timeoutMs} ms`, error);
    throw error;
  } finally {
    timer.cancel();
  }
}
