/**
 * The platform's own server as a front.
 *
 * What it cannot do (Deno 2.9.6): limit the time of a head, or connections without a request; take a
 * POST that offers to upgrade (400); notice that a client leaves before its whole answer begins.
 * @module
 */
import { type Clock, Lease } from "../base/mod.ts";
import type { Answer } from "../request/mod.ts";
import { type DenoInfo, frontRequest } from "./deno_request.ts";
import { responseOf } from "./deno_response.ts";
import { type PlatformServe, platformServe, Relay } from "./deno_relay.ts";
import type { Front, FrontHandler, FrontOptions } from "./front.ts";
import { IdleWheel } from "./idle_wheel.ts";

/** What the front works with besides. */
export interface DenoFrontParts {
  readonly clock: Clock;
  /** @default Deno.serve */
  readonly serve?: PlatformServe;
}

/** Begin to accept with `Deno.serve`; throws when the address cannot be had. */
export function startDenoFront(
  options: FrontOptions,
  handler: FrontHandler,
  parts: DenoFrontParts,
): Front {
  return new DenoFront(options, handler, parts);
}

class DenoFront implements Front {
  readonly addr: Front["addr"];
  readonly finished: Promise<void>;
  readonly #options: FrontOptions;
  readonly #handler: FrontHandler;
  readonly #bodies: IdleWheel;
  readonly #writes: IdleWheel;
  readonly #relay: Relay;
  readonly #perAddress = new Map<string, number>();
  #requests = 0;

  constructor(options: FrontOptions, handler: FrontHandler, parts: DenoFrontParts) {
    const { clock, serve = platformServe } = parts;
    const { hostname, port, limits, onEvent = () => {} } = options;
    this.#options = options;
    this.#handler = handler;
    this.#bodies = new IdleWheel(clock, limits.bodyIdleMs);
    this.#writes = new IdleWheel(clock, limits.writeIdleMs);
    this.#relay = new Relay({
      clock,
      onEvent,
      port,
      begin: (at, signal) =>
        serve({ hostname, port: at, signal }, (request, info) => this.#answer(request, info)),
    });
    this.addr = this.#relay.addr;
    this.finished = this.#relay.finished;
  }

  get ailment(): string | undefined {
    return this.#relay.ailment;
  }

  /** Requests under way: the platform does not tell of other connections. */
  get connections(): number {
    return this.#requests;
  }

  makeRoom(): Promise<boolean> {
    return this.#relay.renew();
  }

  async shutdown(): Promise<void> {
    await this.#relay.shutdown();
    this.#bodies[Symbol.dispose]();
    this.#writes[Symbol.dispose]();
  }

  async close(): Promise<void> {
    this.#relay.cut();
    await this.shutdown();
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
