/** One engine serves the whole request; bytes pass as they are. @module */
import {
  type ByteParts,
  describeError,
  type Engine,
  errorCodeOf,
  RouterError,
} from "../base/mod.ts";
import {
  type Answer,
  attemptOf,
  clientGone,
  exchange,
  type FlowDeps,
  logRouting,
  passThrough,
  type RequestContext,
} from "../request/mod.ts";
import type { Exclude } from "../selection/mod.ts";
import { forwardResponseHeaders, type UpstreamResponse } from "../upstream/mod.ts";

/** Bodies up to this size are read whole, so that one cut short is an error and not a stump. */
const WHOLE_BYTES = 1024 * 1024;

/** What to send, and to whom. */
export interface DirectAsk {
  readonly method?: string;
  readonly path: string;
  readonly model: string;
  readonly sessionKey?: string | undefined;
  readonly body?: ByteParts;
  /** An answer of this request may stream. */
  readonly stream: boolean;
  /** The client picked the engine. */
  readonly engine?: Engine;
}

/**
 * Forward a request to one engine. An engine that cannot be reached is passed over once for
 * another: it has seen nothing of the request.
 *
 * Throws `no-engine`, and the upstream client's errors.
 */
export async function direct(
  deps: FlowDeps,
  context: RequestContext,
  ask: DirectAsk,
): Promise<Answer> {
  if (context.trace.route === "none") context.trace.route = "direct";
  let exclude: readonly Exclude[] = [];
  for (let attempt = 1;; attempt++) {
    const engine = ask.engine ?? deps.fleet.chooseDirect({
      model: ask.model,
      session: ask.sessionKey,
      attempt,
      exclude,
    });
    const view = deps.fleet.snapshot();
    if (engine === undefined) throw noEngine(deps, view.engines, ask.model);
    try {
      return await directTo(deps, attemptOf(context, deps.random), ask, engine);
    } catch (error) {
      const others = view.group(ask.model).direct.some((other) => other.engine.id !== engine.id);
      const again = errorCodeOf(error) === "upstream-unreachable" && attempt === 1 && others;
      if (!again || ask.engine !== undefined) throw error;
      deps.log.warning("Asking another engine", () => ({
        request: context.id,
        error: describeError(error),
      }));
      exclude = [{ id: engine.id, why: "failed" }];
    }
  }
}

/** The engines that serve `model` prefill it for others. */
function noEngine(
  { keyRefusals }: FlowDeps,
  engines: readonly Engine[],
  model: string,
): RouterError {
  const silent = engines.filter(({ role, models }) => role !== "prefill" && models.length === 0);
  if (silent.length > 0 && silent.every((engine) => keyRefusals?.has(engine))) {
    return new RouterError(
      "key-refused",
      `Only prefill engines serve model '${model}': the engines refuse the router's key`,
      { param: "model" },
    );
  }
  const urls = silent.map(({ url }) => url).join(", ");
  return new RouterError(
    "no-engine",
    `Only prefill engines serve model '${model}', and they answer nothing alone` +
      (urls === "" ? "" : `; not heard from yet: ${urls}`),
    { param: "model" },
  );
}

async function directTo(
  deps: FlowDeps,
  context: RequestContext,
  ask: DirectAsk,
  engine: Engine,
): Promise<Answer> {
  using flight = deps.fleet.take(engine, "direct");
  let response: UpstreamResponse | undefined;
  try {
    logRouting(deps, context, engine);
    context.trace.accept();
    context.trace.add("direct-sent", engine.url);
    response = await exchange(deps, flight, {
      ...(ask.method === undefined ? {} : { method: ask.method }),
      path: ask.path,
      headers: context.headers,
      ...(ask.body === undefined ? {} : { body: ask.body }),
      headTimeoutMs: ask.stream ? deps.timeouts.firstByteMs : deps.timeouts.wholeAnswerMs,
      signal: context.signal,
    });
    context.trace.add("direct-head", engine.url);
    const headers = forwardResponseHeaders(response.headers);
    const length = Number(response.header("content-length") ?? NaN);
    if (length <= WHOLE_BYTES) {
      const body = await response.readAll(WHOLE_BYTES);
      flight.ok();
      return { status: response.status, headers, body };
    }
    return { status: response.status, headers, body: passThrough(flight.move(), response) };
  } catch (error) {
    response?.[Symbol.dispose]();
    if (context.signal.aborted) throw clientGone();
    flight.failed(error);
    throw error;
  }
}
