/** One engine serves the whole request; bytes pass as they are. @module */
import {
  type ByteParts,
  describeError,
  type Engine,
  errorCodeOf,
  type Lease,
  RouterError,
} from "../base/mod.ts";
import { type Leg, selectDirect } from "../selection/mod.ts";
import { forwardResponseHeaders, type UpstreamResponse } from "../upstream/mod.ts";
import type { Answer, ByteSource } from "./answer.ts";
import type { FlowDeps, RequestContext } from "./context.ts";
import { clientGone, countEngineError, exchange, logRouting } from "./exchange.ts";

/** Bodies up to this size are read whole, so that one cut short is an error and not a stump. */
const WHOLE_BYTES = 1024 * 1024;

/** What to send, and to whom. */
export interface DirectAsk {
  readonly method?: string;
  readonly path: string;
  /** Absent for requests that name no model. */
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
  const avoid = new Set<string>();
  for (;;) {
    const { engines, silent } = deps.directory.snapshot();
    const engine = ask.engine ?? selectDirect(engines, deps.policies, {
      model: ask.model,
      sessionKey: ask.sessionKey,
      avoid,
      silent,
    });
    if (engine === undefined) throw noEngine(engines, ask.model);
    try {
      return await directTo(deps, context, ask, engine);
    } catch (error) {
      countEngineError(deps, engine, "direct", error);
      const others = engines.some((other) =>
        other.id !== engine.id && other.role !== "prefill" && other.models.includes(ask.model)
      );
      const again = errorCodeOf(error) === "upstream-unreachable" && avoid.size === 0 && others;
      if (!again || ask.engine !== undefined) throw error;
      deps.log.warning("Asking another engine", () => ({
        request: context.id,
        error: describeError(error),
      }));
      avoid.add(engine.id);
    }
  }
}

/** The engines that serve `model` prefill it for others. */
function noEngine(engines: readonly Engine[], model: string): RouterError {
  const silent = engines.filter(({ role, models }) => role !== "prefill" && models.length === 0);
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
  const lease = deps.inflight.take(engine, "direct");
  let response: UpstreamResponse | undefined;
  try {
    logRouting(deps, context, engine);
    context.trace.add("direct-sent", engine.url);
    response = await exchange(deps, engine, {
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
      lease.release();
      return { status: response.status, headers, body };
    }
    return {
      status: response.status,
      headers,
      body: passThrough(deps, engine, "direct", response, lease),
    };
  } catch (error) {
    response?.[Symbol.dispose]();
    lease.release();
    if (context.signal.aborted) throw clientGone();
    throw error;
  }
}

/** The rest of `response` as it comes; the lease falls when it ends or is left. */
export function passThrough(
  deps: FlowDeps,
  engine: Engine,
  leg: Leg,
  response: UpstreamResponse,
  lease: Lease,
): ByteSource {
  const close = (): void => {
    response[Symbol.dispose]();
    lease.release();
  };
  return {
    async read() {
      try {
        const bytes = await response.read();
        if (bytes !== undefined) return bytes.slice();
      } catch (error) {
        countEngineError(deps, engine, leg, error);
        close();
        throw error;
      }
      close();
      return undefined;
    },
    cancel: close,
  };
}
