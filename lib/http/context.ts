/** What a handler is given of one request, and of the app. @module */
import type { Logger, Random } from "../base/mod.ts";
import type { RouterConfig } from "../config/mod.ts";
import type { GenerateDeps } from "../flow/mod.ts";
import type { FrontRequest } from "../front/mod.ts";
import type { FlowDeps, RequestContext, RequestTrace } from "../request/mod.ts";
import { forwardRequestHeaders } from "../upstream/mod.ts";

/** A finished request, for whoever wants to show it. */
export type OnTrace = (id: string, path: string, trace: RequestTrace) => void;

/** What the handlers work with. */
export interface HttpDeps extends FlowDeps {
  readonly config: RouterConfig;
  readonly version: string;
  /** Set when prompts are prefilled elsewhere. */
  readonly handoff: GenerateDeps | undefined;
  readonly onTrace: OnTrace | undefined;
  /** Brings gauges up to date that are read rather than counted. */
  readonly refreshGauges: () => void;
  /** What keeps the router from doing its work at the moment; undefined for nothing. */
  readonly ailment: () => string | undefined;
  /**
   * Set until every engine has been asked for its models once: before that, a request could find
   * no engine, or no prefill engine, though there is one.
   */
  readonly firstRound: () => Promise<void> | undefined;
  /** Whether the router takes no more requests. */
  readonly draining: () => boolean;
}

/** One request, as handlers see it. */
export interface HttpCall {
  readonly request: FrontRequest;
  /** Without the root path. */
  readonly path: string;
  /** As the client sent it, with its `?`; empty for none. */
  readonly query: string;
  readonly context: RequestContext;
}

/** Longest request id taken from a client, in characters; longer ones are replaced. */
const MAX_ID = 512;

/** The circumstances of a request: its id, its session, and the fields engines shall see. */
export function contextOf(
  request: Pick<FrontRequest, "headers" | "signal">,
  deps: { readonly config: RouterConfig; readonly random: Random; readonly log: Logger },
  trace: RequestTrace,
): RequestContext {
  const given = request.headers.get("x-request-id");
  const id = given === undefined || given === "" || given.length > MAX_ID
    ? deps.random.uuid()
    : given;
  const headers = forwardRequestHeaders(request.headers)
    .filter(([name]) => name !== "x-request-id");
  const { routing } = deps.config;
  const session = routing.sessionKey === undefined
    ? undefined
    : request.headers.get(routing.sessionKey.toLowerCase());
  return {
    id,
    sessionId: session,
    signal: request.signal,
    headers: [...headers, ["x-request-id", id]],
    trace,
  };
}
