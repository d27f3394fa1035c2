/** Requests for models that others serve: sent with the router's own key, and nothing else of the client's. @module */
import { describeError, errorCodeOf, isUnsent, RouterError } from "../base/mod.ts";
import type { ExternalProvider, Timeouts } from "../config/mod.ts";
import { originalBody } from "../disagg/mod.ts";
import { Breaker, type BreakerRules } from "../fleet/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import { type JsonObject, type ModelCard, plainModelCard } from "../openai/mod.ts";
import {
  type Answer,
  clientGone,
  type FlowDeps,
  logRouting,
  type RequestContext,
} from "../request/mod.ts";
import {
  forwardResponseHeaders,
  type HeaderField,
  type UpstreamClient,
  type UpstreamResponse,
} from "../upstream/mod.ts";
import { answerSource } from "./answer_source.ts";

/** What they work with. */
export interface ExternalDeps extends Pick<FlowDeps, "clock" | "log"> {
  readonly metrics: Metrics;
  /** Connections of their own: the engines' certificate and server name are not for others. */
  readonly upstream: UpstreamClient;
  readonly timeouts: Timeouts;
  readonly rules: BreakerRules;
}

/** A request for one of their models. */
export interface ExternalAsk {
  /** Path and query, which begins with `/v1`. */
  readonly path: string;
  readonly body: JsonObject;
  /** As clients call it. */
  readonly model: string;
  readonly stream: boolean;
}

/** Fields of clients that providers are told. */
const TOLD: ReadonlySet<string> = new Set([
  "accept",
  "content-type",
  "anthropic-version",
  "anthropic-beta",
  "openai-beta",
]);

/** Fields of a provider that speak of its own site, not of the answer. */
const UNTOLD: ReadonlySet<string> = new Set(["set-cookie", "alt-svc", "strict-transport-security"]);

/** Errors up to this size are read whole. */
const MAX_ERROR_BYTES = 1024 * 1024;

/** One provider, and what is held against it. */
interface Known {
  readonly provider: ExternalProvider;
  readonly breaker: Breaker;
}

/** All providers of a router. Disposing them closes their connections: what is under way fails. */
export class ExternalProviders implements Disposable {
  readonly #deps: ExternalDeps;
  readonly #byModel: ReadonlyMap<string, Known>;
  readonly #sinceS: number;

  constructor(providers: readonly ExternalProvider[], deps: ExternalDeps) {
    this.#deps = deps;
    this.#sinceS = Math.floor(deps.clock.unixMs() / 1000);
    this.#byModel = new Map(
      providers.flatMap((provider) => {
        const known = { provider, breaker: new Breaker(deps.rules) };
        return [...provider.models.keys()].map((model) => [model, known] as const);
      }),
    );
  }

  /** Whether a provider serves what clients call `model`. */
  serves(model: string): boolean {
    return this.#byModel.has(model);
  }

  /** A card for each name of a model. */
  get cards(): readonly ModelCard[] {
    return [...this.#byModel].map(([id, { provider }]) => ({
      ...plainModelCard(id, this.#sinceS, provider.models.get(id)),
      owned_by: provider.name,
    }));
  }

  /**
   * The provider's answer, its errors included, as it comes. It is asked again only where nothing has
   * been sent. Throws `no-engine` while it is gone around, `key-refused` where it does not take the key,
   * and the upstream client's errors, which name the provider in place of its address.
   */
  async send(context: RequestContext, ask: ExternalAsk): Promise<Answer> {
    const known = this.#byModel.get(ask.model);
    if (known === undefined) throw new RouterError("unknown-model", `Nobody serves '${ask.model}'`);
    const { provider: { name, url }, breaker } = known;
    const { clock, metrics } = this.#deps;
    const verdict = breaker.verdict(clock.now());
    if (verdict.kind === "shut") {
      throw new RouterError("no-engine", `The provider '${name}' fails, and is asked again soon`, {
        param: "model",
      });
    }
    context.trace.route = "external";
    logRouting(this.#deps, context, { url });
    context.trace.accept();
    const beganMs = clock.now();
    const span = context.trace.spans?.leg();
    breaker.begin(beganMs);
    const end = (error?: unknown): void => {
      const why = errorCodeOf(error);
      const left = why === "client-gone" || why === "shutting-down" || why === "overloaded";
      const lesson = left ? "nothing" : error === undefined ? "ok" : "failed";
      const nowMs = clock.now();
      breaker.learn(lesson, { beganMs, nowMs, why: why ?? "upstream-protocol", pause: 1 });
      span?.end({
        leg: "external",
        engine: { id: name, url },
        model: ask.model,
        end: left ? "left" : error === undefined ? "ok" : "failed",
        code: why,
        status: response?.status,
        ms: nowMs - beganMs,
      });
      if (left) return;
      const outcome = error === undefined ? "ok" : why === "key-refused" ? "refused" : "error";
      metrics.count("pd_router_external_requests_total", { provider: name, outcome });
    };
    let response: UpstreamResponse | undefined;
    try {
      context.trace.add("direct-sent", url);
      // A provider is not told of the client's trace.
      span?.onto([], ask.path, "POST");
      response = await this.#reach(context, known.provider, ask);
      context.trace.add("direct-head", url);
      return await answerOf(name, response, end);
    } catch (error) {
      response?.[Symbol.dispose]();
      const told = context.signal.aborted ? clientGone() : ownWords(name, error);
      end(told);
      this.#deps.log.warning("A provider gave no answer", () => ({
        request: context.id,
        provider: name,
        error: describeError(error),
      }));
      throw told;
    }
  }

  [Symbol.dispose](): void {
    this.#deps.upstream[Symbol.dispose]();
  }

  async #reach(
    context: RequestContext,
    provider: ExternalProvider,
    { path, body, model, stream }: ExternalAsk,
  ): Promise<UpstreamResponse> {
    const { upstream, timeouts, log } = this.#deps;
    const { name, url, retries, timeoutMs } = provider;
    const canonical = provider.models.get(model) ?? model;
    const headTimeoutMs = timeoutMs ?? (stream ? timeouts.firstByteMs : timeouts.wholeAnswerMs);
    for (let attempt = 0;; attempt++) {
      try {
        return await upstream.send({
          method: "POST",
          url,
          path,
          headers: fieldsFor(provider, context),
          body: originalBody({ body, model: canonical }),
          // What it may have begun to work on it may charge for.
          replayable: false,
          connectTimeoutMs: timeouts.connectMs,
          headTimeoutMs,
          idleTimeoutMs: timeouts.streamIdleMs,
          signal: context.signal,
        });
      } catch (error) {
        if (attempt >= retries || !isUnsent(error) || context.signal.aborted) throw error;
        log.warning("A provider cannot be reached, and is asked again", () => ({
          request: context.id,
          provider: name,
          error: describeError(error),
        }));
      }
    }
  }
}

/** Fields of the provider's, and of the client's those that are not about the client. */
function fieldsFor({ headers }: ExternalProvider, context: RequestContext): readonly HeaderField[] {
  const own = new Set(headers.map(([name]) => name));
  const told = context.headers.filter(([name]) => {
    const lower = name.toLowerCase();
    return TOLD.has(lower) && !own.has(lower);
  });
  const version = headers.some(([name]) => name === "x-api-key") &&
      !own.has("anthropic-version") && !told.some(([name]) => name === "anthropic-version")
    ? [ANTHROPIC_VERSION]
    : [];
  return [...told, ...version, ["x-request-id", context.id], ...headers];
}

/** What that API wants where a client that speaks another does not say it. */
const ANTHROPIC_VERSION = ["anthropic-version", "2023-06-01"] as const;

async function answerOf(
  name: string,
  response: UpstreamResponse,
  end: (error?: unknown) => void,
): Promise<Answer> {
  const { status } = response;
  const headers = forwardResponseHeaders(response.headers)
    .filter(([field]) => !UNTOLD.has(field.toLowerCase()));
  if (status === 401) {
    throw new RouterError("key-refused", `The provider '${name}' refuses the router's key`);
  }
  if (status < 400) {
    return {
      status,
      headers,
      body: answerSource(response, end, (error) => ownWords(name, error)),
    };
  }
  const body = await response.readAll(MAX_ERROR_BYTES);
  end(
    status < 500 ? undefined : new RouterError("upstream-protocol", `'${name}' answered ${status}`),
  );
  return { status, headers, body };
}

/** The failure of an exchange as clients may know it: without the address, which the log has. */
function ownWords(name: string, error: unknown): RouterError {
  const code = errorCodeOf(error) ?? "internal";
  if (code === "key-refused" && error instanceof RouterError) return error;
  return new RouterError(code, `The provider '${name}' gave no whole answer`);
}
