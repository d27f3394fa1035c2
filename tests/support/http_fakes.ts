/** The router's HTTP surface in memory: its handlers before scripted engines, and a server without a socket. @module */
import { ByteBudget, encodeUtf8, type Engine } from "../../lib/base/mod.ts";
import type { RouterConfig } from "../../lib/config/mod.ts";
import { Doors, OPEN_PASS } from "../../lib/doors/mod.ts";
import {
  type Front,
  type FrontHandler,
  type FrontOptions,
  type FrontRequest,
  frontRequest,
  IdleWheel,
  responseOf,
  type StartFront,
} from "../../lib/front/mod.ts";
import {
  contextOf,
  createHandler,
  EngineNames,
  faultAnswer,
  type HttpCall,
  type HttpDeps,
} from "../../lib/http/mod.ts";
import { EngineControl } from "../../lib/flow/mod.ts";
import { RequestTrace } from "../../lib/request/mod.ts";
import { configOf, FLEET } from "../config/support.ts";
import { FakeClock } from "./fake_clock.ts";
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
  readonly refreshGauges?: () => void;
}

/** Doors that nobody needs a key for. */
export function openDoorsOf({ log, metrics }: Pick<HttpDeps, "log" | "metrics">): Doors {
  return new Doors({ open: [], trustedProxies: [], secure: false, log, metrics });
}

/** A router of no engines and no handoffs, whose engines answer `{}`, but for `changes`. */
export function httpSetting(changes: HttpChanges = {}): HttpSetting {
  const { engines = [], script = () => json({}), config = {}, ...others } = changes;
  const { refreshGauges = () => {}, ...rest } = others;
  const setting = flowSetting(engines, script);
  const traced: HttpSetting["traced"] = [];
  const deps: HttpDeps = {
    ...setting.flow,
    config: { ...configOf({ flags: FLEET }), ...config },
    version: "1.2.3",
    // What tests say of engines is said by address.
    names: new EngineNames(true),
    handoff: undefined,
    onTrace: (id, path, { route }) => void traced.push([id, path, route]),
    scrapes: {
      async text() {
        refreshGauges();
        return encodeUtf8(await setting.metrics.text());
      },
    },
    ailment: () => undefined,
    firstRound: () => undefined,
    bodies: new ByteBudget(64 * 1024 * 1024),
    doors: openDoorsOf(setting.flow),
    control: new EngineControl({
      ...setting.flow,
      apiKey: undefined,
      fleet: { setAsleep: () => {}, ask: () => Promise.resolve() },
    }),
    remarks: () => ({}),
    retired: () => false,
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

/** Nothing is too slow. */
const WHEEL = new IdleWheel(new FakeClock(), 3_600_000);
const RESPONSE = { wheel: WHEEL, onTooLong: (): void => {} };
const REMOTE = {
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 40_000 },
} as const;

/** `request` as a front hands it on. */
export function handedOn(request: Request): FrontRequest {
  return frontRequest(request, REMOTE, WHEEL);
}

/** What `handler` answers to requests of the platform's, as the platform's responses. */
export function fetching(
  handler: FrontHandler,
  onFault: FrontOptions["onFault"],
): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      return responseOf(await handler(handedOn(request)), RESPONSE);
    } catch (error) {
      return responseOf(onFault(error), RESPONSE);
    }
  };
}

/** The router's own answers, as the platform's responses. */
export function responding(deps: HttpDeps): (request: Request) => Promise<Response> {
  return fetching(createHandler(deps), faultAnswer(deps));
}

/** A request as the handlers of endpoints are given it. */
export function callOf(deps: HttpDeps, asked: Request): HttpCall {
  const request = handedOn(asked);
  const { pathname: path, search: query } = new URL(asked.url);
  const context = contextOf(request, deps, new RequestTrace(deps.clock), deps.bodies.share());
  return { request, path, query, context, pass: OPEN_PASS };
}

/** A server whose requests a test makes: they are under way until their bodies have ended. */
export class FakeServer {
  /** Addresses that were asked for. */
  readonly asked: { readonly hostname: string; readonly port: number }[] = [];
  /** Whether it was told to accept no more. */
  shut = false;
  /** What listening fails with. */
  refusal: Error | undefined;
  #fetch: ((request: Request) => Promise<Response>) | undefined;
  #open = 0;
  readonly #finished = Promise.withResolvers<void>();

  readonly start: StartFront = ({ hostname, port, onFault }, handler): Front => {
    const addr = { hostname, port };
    this.asked.push(addr);
    if (this.refusal !== undefined) throw this.refusal;
    this.#fetch = fetching(handler, onFault);
    const shutdown = (): Promise<void> => {
      this.shut = true;
      this.#settle();
      return this.#finished.promise;
    };
    return {
      addr,
      ailment: undefined,
      connections: 0,
      finished: this.#finished.promise,
      makeRoom: () => Promise.resolve(false),
      shutdown,
      close: shutdown,
    };
  };

  /** The server cannot go on. */
  fail(error: Error): void {
    this.#finished.reject(error);
  }

  /** Have a request answered, as the platform's server would. */
  async fetch(path: string, body?: unknown, init?: RequestInit): Promise<Response> {
    const answer = this.#fetch;
    if (answer === undefined || this.shut) throw new Error("Nobody listens");
    this.#open++;
    const response = await answer(requestTo(path, body, init));
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
