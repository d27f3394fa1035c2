/**
 * The platform's own server as a front.
 *
 * What it cannot do (Deno 2.9.6): limit the time of a head, or connections without a request; take a
 * POST that offers to upgrade (400); notice that a client leaves before its whole answer begins.
 * @module
 */
import { type Clock, Lease, sleep } from "../base/mod.ts";
import type { Answer } from "../request/mod.ts";
import { type DenoInfo, frontRequest } from "./deno_request.ts";
import { responseOf } from "./deno_response.ts";
import type { Front, FrontHandler, FrontOptions } from "./contract/mod.ts";
import { IdleWheel } from "./idle_wheel.ts";

/** The part of `Deno.serve`'s server used here. */
export interface PlatformServer {
  readonly addr: { readonly hostname: string; readonly port: number };
  readonly finished: Promise<void>;
  shutdown(): Promise<void>;
}

/** Begins to serve; throws when the address cannot be had. */
export type PlatformServe = (
  options: { readonly hostname: string; readonly port: number; readonly signal: AbortSignal },
  handler: (request: Request, info: DenoInfo) => Promise<Response>,
) => PlatformServer;

/** What the front works with besides. */
export interface DenoFrontParts {
  readonly clock: Clock;
  /** @default Deno.serve */
  readonly serve?: PlatformServe;
}

/** First pause before accepting is begun anew, which doubles up to the longest, in milliseconds. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** Accepting has recovered when it has gone on for so long, in milliseconds. */
const RECOVERED_MS = 2_000;

/** Begin to accept with `Deno.serve`; throws when the address cannot be had. */
export function startDenoFront(
  options: FrontOptions,
  handler: FrontHandler,
  parts: DenoFrontParts,
): Front {
  return new DenoFront(options, handler, parts);
}

const platformServe: PlatformServe = (options, handler) =>
  Deno.serve({ ...options, onListen: () => {} }, handler);

class DenoFront implements Front {
  readonly addr: { readonly hostname: string; readonly port: number };
  readonly finished: Promise<void>;
  readonly #options: FrontOptions;
  readonly #handler: FrontHandler;
  readonly #clock: Clock;
  readonly #serve: PlatformServe;
  readonly #bodies: IdleWheel;
  readonly #writes: IdleWheel;
  readonly #cut = new AbortController();
  readonly #stop = new AbortController();
  /** The one that accepts. */
  #server: PlatformServer;
  /** Those that can accept no more, until their answers have ended. */
  readonly #ending = new Set<Promise<void>>();
  readonly #perAddress = new Map<string, number>();
  #requests = 0;
  #ailment: string | undefined;

  constructor(options: FrontOptions, handler: FrontHandler, { clock, serve }: DenoFrontParts) {
    this.#options = options;
    this.#handler = handler;
    this.#clock = clock;
    this.#serve = serve ?? platformServe;
    this.#bodies = new IdleWheel(clock, options.limits.bodyIdleMs);
    this.#writes = new IdleWheel(clock, options.limits.writeIdleMs);
    this.#server = this.#begin(options.port);
    const { addr } = this.#server;
    this.addr = { hostname: addr.hostname, port: addr.port };
    this.finished = this.#keepAccepting();
  }

  get ailment(): string | undefined {
    return this.#ailment;
  }

  /** Requests under way: the platform does not tell of other connections. */
  get connections(): number {
    return this.#requests;
  }

  async shutdown(): Promise<void> {
    this.#stop.abort();
    await this.#server.shutdown();
    await Promise.all([...this.#ending, this.finished]);
    this.#rest();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#cut.abort();
    await this.shutdown();
  }

  #rest(): void {
    this.#bodies[Symbol.dispose]();
    this.#writes[Symbol.dispose]();
  }

  #begin(port: number): PlatformServer {
    const { hostname } = this.#options;
    return this.#serve(
      { hostname, port, signal: this.#cut.signal },
      (request, info) => this.#answer(request, info),
    );
  }

  /** Its idle connections close, and its answers go on. */
  #end(server: PlatformServer): void {
    const ending = server.shutdown().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** Resolves when the front is stopped: a server that can accept no more is followed by another. */
  async #keepAccepting(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const since = this.#clock.now();
      const failure = await this.#watch(this.#server);
      if (failure === undefined || this.#stop.signal.aborted) return;
      this.#end(this.#server);
      if (this.#clock.now() - since >= RECOVERED_MS) pauseMs = FIRST_PAUSE_MS;
      const next = await this.#beginAgain(failure.error, pauseMs);
      if (next === undefined) return;
      this.#server = next;
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** What kept a server from accepting; undefined when it was stopped. */
  async #watch(server: PlatformServer): Promise<{ readonly error: unknown } | undefined> {
    const recovered = new AbortController();
    const steady = sleep(this.#clock, RECOVERED_MS, recovered.signal).then((end) => {
      if (end !== "elapsed" || this.#ailment === undefined) return;
      this.#ailment = undefined;
      this.#options.onEvent?.({ kind: "accepting" });
    });
    try {
      await server.finished;
      return undefined;
    } catch (error) {
      return { error };
    } finally {
      recovered.abort();
      await steady;
    }
  }

  async #beginAgain(error: unknown, pauseMs: number): Promise<PlatformServer | undefined> {
    let cause = error;
    for (let waitMs = pauseMs;; waitMs = Math.min(waitMs * 2, LONGEST_PAUSE_MS)) {
      if (this.#ailment === undefined) {
        this.#ailment = "no more connections can be accepted";
        this.#options.onEvent?.({ kind: "not-accepting", error: cause });
      }
      if (await sleep(this.#clock, waitMs, this.#stop.signal) === "aborted") return undefined;
      try {
        return this.#begin(this.addr.port);
      } catch (again) {
        cause = again;
      }
    }
  }

  async #answer(request: Request, info: DenoInfo): Promise<Response> {
    const { hostname } = info.remoteAddr;
    const { limits, onEvent } = this.#options;
    const mine = this.#perAddress.get(hostname) ?? 0;
    const why = this.#requests >= limits.maxConnections
      ? "connections"
      : mine >= limits.maxPerAddress
      ? "address"
      : undefined;
    if (why !== undefined) {
      onEvent?.({ kind: "refused", why });
      const message = why === "address"
        ? "Too many requests from your address"
        : "Too many requests";
      return busy(message);
    }
    this.#count(hostname, 1);
    const lease = new Lease(() => this.#count(hostname, -1));
    const asked = frontRequest(request, info, this.#bodies);
    try {
      const answer = await this.#handler(asked);
      asked.body.leave();
      return this.#response(holding(answer, lease));
    } catch (error) {
      asked.body.leave();
      lease.release();
      return this.#response(this.#options.onFault(error));
    }
  }

  #response(answer: Answer): Response {
    return responseOf(answer, {
      wheel: this.#writes,
      onTooLong: () => this.#options.onEvent?.({ kind: "timed-out", why: "write" }),
    });
  }

  #count(hostname: string, delta: number): void {
    this.#requests += delta;
    const count = (this.#perAddress.get(hostname) ?? 0) + delta;
    if (count === 0) this.#perAddress.delete(hostname);
    else this.#perAddress.set(hostname, count);
  }
}

/** `answer`, at the end of whose body `lease` falls. */
function holding(answer: Answer, lease: Lease): Answer {
  const { body } = answer;
  if (body instanceof Uint8Array) {
    lease.release();
    return answer;
  }
  const read = async (): Promise<Uint8Array | undefined> => {
    try {
      const bytes = await body.read();
      if (bytes === undefined) lease.release();
      return bytes;
    } catch (error) {
      lease.release();
      throw error;
    }
  };
  const cancel = (): void => {
    lease.release();
    body.cancel();
  };
  return { ...answer, body: { read, cancel } };
}

function busy(message: string): Response {
  const error = { message, type: "ServiceUnavailableError", param: null, code: 503 };
  return Response.json({ error }, {
    status: 503,
    headers: { "retry-after": "1", "connection": "close" },
  });
}
