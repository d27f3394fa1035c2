/**
 * The platform's own server as a front.
 *
 * What it cannot do (Deno 2.9.6): limit the time of a head, or connections without a request; take a
 * POST that offers to upgrade (400); notice that a client leaves before its whole answer begins; ask
 * clients for certificates; close connections on which no TLS handshake has begun, which keep their
 * descriptors until they leave.
 * @module
 */
import { type Clock, encodeUtf8, Lease, plainAddress, RouterError } from "../base/mod.ts";
import type { Answer } from "../request/mod.ts";
import { checkFree, type TlsPair } from "../tls/mod.ts";
import { type DenoInfo, frontRequest } from "./deno_request.ts";
import { responseOf } from "./deno_response.ts";
import type { Front, FrontHandler, FrontOptions, WholeAnswer } from "./contract/mod.ts";
import { Relay } from "./deno_relay.ts";
import { Turnstile } from "./http1/mod.ts";
import { IdleWheel } from "./idle_wheel.ts";
import { type PlatformServe, platformServe } from "./platform.ts";

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
  readonly #clock: Clock;
  readonly #options: FrontOptions;
  readonly #handler: FrontHandler;
  readonly #bodies: IdleWheel;
  readonly #writes: IdleWheel;
  readonly #relay: Relay;
  readonly #turnstile: Turnstile;
  readonly #renewal: Lease | undefined;
  #pair: TlsPair | undefined;
  #requests = 0;

  constructor(options: FrontOptions, handler: FrontHandler, parts: DenoFrontParts) {
    const { clock, serve = platformServe } = parts;
    const { hostname, port, limits, tls, onEvent = () => {}, spare, sharing } = options;
    this.#clock = clock;
    this.#options = options;
    this.#handler = handler;
    this.#turnstile = new Turnstile(limits, sharing);
    this.#bodies = new IdleWheel(clock, limits.bodyIdleMs);
    this.#writes = new IdleWheel(clock, limits.writeIdleMs);
    if (tls?.clientCa !== undefined) throw noClientCertificates();
    if (tls !== undefined && port !== 0) checkFree(hostname, port);
    this.#pair = tls;
    this.#relay = new Relay({
      clock,
      onEvent,
      port,
      spare,
      begin: (at, signal) =>
        serve(
          { hostname, port: at, signal, tls: this.#pair },
          (request, info) => this.#answer(request, info),
        ),
    });
    this.#renewal = tls?.onRenewed?.((pair) => this.#renew(pair));
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
    this.#renewal?.release();
    await this.#relay.shutdown();
    this.#bodies[Symbol.dispose]();
    this.#writes[Symbol.dispose]();
  }

  async close(): Promise<void> {
    this.#relay.cut();
    await this.shutdown();
  }

  /** The platform's servers keep the certificate they began with: another one takes the place. */
  #renew(pair: TlsPair): void {
    const before = this.#pair;
    this.#pair = pair;
    try {
      this.#relay.replace();
    } catch (error) {
      this.#pair = before;
      throw error;
    }
  }

  async #answer(request: Request, info: DenoInfo): Promise<Response> {
    const asked = frontRequest(request, info, this.#bodies);
    const { onEvent, addressOf, onRefusal } = this.#options;
    const hostname = addressOf?.(asked) ?? plainAddress(info.remoteAddr.hostname);
    const why = this.#turnstile.enter(hostname);
    if (why !== undefined) {
      onEvent?.({ kind: "refused", why });
      const message = why === "address"
        ? "Too many requests from your address"
        : "Too many requests";
      const { headers, ...answer } = (onRefusal ?? busy)(503, message);
      const ends = [["retry-after", "1"], ["connection", "close"]] as const;
      return this.#response({ ...answer, headers: [...headers, ...ends] });
    }
    this.#requests++;
    const lease = new Lease(() => {
      this.#requests--;
      this.#turnstile.leave(hostname);
    });
    try {
      const answer = sendable(asked.method, await this.#handler(asked));
      await asked.body.passOver(this.#clock);
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
}

/** `answer` to a request of `method`: the platform neither reads nor cancels a source for a HEAD. */
function sendable(method: string, answer: Answer): Answer {
  const { body } = answer;
  if (method !== "HEAD" || body instanceof Uint8Array) return answer;
  body.cancel();
  return { ...answer, body: new Uint8Array(0) };
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

/** One too many, in words of the front's own. */
function busy(status: number, message: string): WholeAnswer {
  const error = { message, type: "ServiceUnavailableError", param: null, code: status };
  const body = encodeUtf8(JSON.stringify({ error }));
  return { status, headers: [["content-type", "application/json"]], body };
}

function noClientCertificates(): RouterError {
  return new RouterError(
    "internal",
    "--tls-client-ca: Deno.serve cannot ask clients for certificates; leave it out, and have a " +
      "proxy in front check them",
  );
}
