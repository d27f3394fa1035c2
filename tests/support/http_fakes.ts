/** The router's HTTP surface in memory: its handlers before scripted engines, and a server without a socket. @module */
import type { HttpServer, ServeHttp } from "../../lib/app.ts";
import type { Engine } from "../../lib/base/mod.ts";
import type { RouterConfig } from "../../lib/config/mod.ts";
import { contextOf, type HttpCall, type HttpDeps, type HttpHandlers } from "../../lib/http/mod.ts";
import { RequestTrace } from "../../lib/request/mod.ts";
import { configOf, FLEET } from "../config/support.ts";
import { type FlowSetting, flowSetting } from "./flow_fakes.ts";
import { type EngineScript, json } from "./scripted_upstream.ts";

/** What handlers work with, and what a test sees of it. */
export interface HttpSetting extends FlowSetting {
  readonly deps: HttpDeps;
  /** Requests told to `onTrace`: id, path and route. */
  readonly traced: (readonly [id: string, path: string, route: string])[];
}

/** Parts that a test sets. */
export interface HttpChanges extends Partial<Omit<HttpDeps, "config">> {
  readonly engines?: readonly Engine[];
  readonly script?: EngineScript;
  readonly config?: Partial<RouterConfig>;
}

/** A router of no engines and no handoffs, whose engines answer `{}`, but for `changes`. */
export function httpSetting(changes: HttpChanges = {}): HttpSetting {
  const { engines = [], script = () => json({}), config = {}, ...rest } = changes;
  const setting = flowSetting(engines, script);
  const traced: HttpSetting["traced"] = [];
  const deps: HttpDeps = {
    ...setting.flow,
    config: { ...configOf({ flags: FLEET }), ...config },
    version: "1.2.3",
    handoff: undefined,
    onTrace: (id, path, { route }) => void traced.push([id, path, route]),
    refreshGauges: () => {},
    ailment: () => undefined,
    firstRound: () => undefined,
    draining: () => false,
    ...rest,
  };
  return { ...setting, deps, traced };
}

/** A request to the router; with a body it is a POST. */
export function requestTo(path: string, body?: unknown, init: RequestInit = {}): Request {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const method = body === undefined ? {} : { method: "POST", body: text };
  return new Request(`http://router${path}`, { ...method, ...init });
}

/** A request as the handlers of endpoints are given it. */
export function callOf(deps: HttpDeps, request: Request): HttpCall {
  const url = new URL(request.url);
  const context = contextOf(request, deps, new RequestTrace(deps.clock));
  return { request, url, path: url.pathname, context };
}

/** A server whose requests a test makes: they are under way until their bodies have ended. */
export class FakeServer {
  /** Addresses that were asked for. */
  readonly asked: { readonly hostname: string; readonly port: number }[] = [];
  /** Whether it was told to accept no more. */
  shut = false;
  /** What listening fails with. */
  refusal: Error | undefined;
  #handlers: HttpHandlers | undefined;
  #open = 0;
  readonly #finished = Promise.withResolvers<void>();

  readonly serve: ServeHttp = (address, handlers): HttpServer => {
    this.asked.push(address);
    if (this.refusal !== undefined) throw this.refusal;
    this.#handlers = handlers;
    return {
      addr: address,
      finished: this.#finished.promise,
      shutdown: () => {
        this.shut = true;
        this.#settle();
        return this.#finished.promise;
      },
    };
  };

  /** The server cannot go on. */
  fail(error: Error): void {
    this.#finished.reject(error);
  }

  /** Have a request answered, as the platform's server would. */
  async fetch(path: string, body?: unknown, init?: RequestInit): Promise<Response> {
    const handlers = this.#handlers;
    if (handlers === undefined || this.shut) throw new Error("Nobody listens");
    this.#open++;
    const response = await handlers.handler(requestTo(path, body, init)).catch(handlers.onError);
    return new Response(this.#counted(response.body), response);
  }

  #counted(body: Response["body"]): Response["body"] {
    if (body === null) {
      this.#end();
      return null;
    }
    const reader = body.getReader();
    return new ReadableStream({
      pull: async (controller) => {
        const { done, value } = await reader.read().catch((error: unknown) => {
          this.#end();
          throw error;
        });
        if (value !== undefined) controller.enqueue(value);
        if (!done) return;
        controller.close();
        this.#end();
      },
      cancel: async () => {
        this.#end();
        await reader.cancel();
      },
    }, { highWaterMark: 0 });
  }

  #end(): void {
    this.#open--;
    this.#settle();
  }

  #settle(): void {
    if (this.shut && this.#open === 0) this.#finished.resolve();
  }
}
