/**
 * The platform's own server as a front.
 *
 * What it cannot do (Deno 2.9.6): limit the time of a head, or connections without a request; take a
 * POST that offers to upgrade (400); notice that a client leaves before its whole answer begins; ask
 * clients for certificates.
 * @module
 */
import {
  type Clock,
  encodeUtf8,
  Lease,
  plainAddress,
  RouterError,
  sleep,
  type Timer,
} from "../base/mod.ts";
import type { Answer } from "../request/mod.ts";
import { checkFree, HANDOVER_MS, type TlsPair } from "../tls/mod.ts";
import { type DenoInfo, frontRequest } from "./deno_request.ts";
import { responseOf } from "./deno_response.ts";
import type { Front, FrontHandler, FrontOptions, WholeAnswer } from "./contract/mod.ts";
import { IdleWheel } from "./idle_wheel.ts";

/** The part of `Deno.serve`'s server used here. */
export interface PlatformServer {
  readonly addr: { readonly hostname: string; readonly port: number };
  readonly finished: Promise<void>;
  shutdown(): Promise<void>;
}

/** What the platform's server is begun with. */
export interface PlatformServeOptions {
  readonly hostname: string;
  readonly port: number;
  readonly signal: AbortSignal;
  /** With a certificate the port can be shared, or another server could not take it over. */
  readonly tls?: TlsPair | undefined;
}

/** Begins to serve; throws when the address cannot be had. */
export type PlatformServe = (
  options: PlatformServeOptions,
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

const platformServe: PlatformServe = ({ tls, ...options }, handler) => {
  const onListen = (): void => {};
  if (tls === undefined) return Deno.serve({ ...options, onListen }, handler);
  const { cert, key } = tls;
  return Deno.serve({ ...options, cert, key, reusePort: true, onListen }, handler);
};

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
  /** Those whose place another has taken, for a moment. */
  readonly #outgoing = new Set<PlatformServer>();
  /** Those that can accept no more, until their answers have ended. */
  readonly #ending = new Set<Promise<void>>();
  readonly #perAddress = new Map<string, number>();
  readonly #renewal: Lease | undefined;
  #pair: TlsPair | undefined;
  /** Resolved when another server takes the place of the one that accepts. */
  #replaced = Promise.withResolvers<void>();
  #handover: Timer | undefined;
  #requests = 0;
  #ailment: string | undefined;

  constructor(options: FrontOptions, handler: FrontHandler, { clock, serve }: DenoFrontParts) {
    this.#options = options;
    this.#handler = handler;
    this.#clock = clock;
    this.#serve = serve ?? platformServe;
    this.#bodies = new IdleWheel(clock, options.limits.bodyIdleMs);
    this.#writes = new IdleWheel(clock, options.limits.writeIdleMs);
    const { tls, hostname, port } = options;
    if (tls?.clientCa !== undefined) throw noClientCertificates();
    if (tls !== undefined && port !== 0) checkFree(hostname, port);
    this.#pair = tls;
    this.#server = this.#begin(port);
    this.#renewal = tls?.onRenewed?.((pair) => this.#renew(pair));
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
    this.#renewal?.release();
    this.#handover?.cancel();
    for (const server of this.#outgoing) this.#end(server);
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
      { hostname, port, signal: this.#cut.signal, tls: this.#pair },
      (request, info) => this.#answer(request, info),
    );
  }

  /** The platform's servers keep the certificate they began with: another one takes the place. */
  #renew(pair: TlsPair): void {
    const [before, pairBefore] = [this.#server, this.#pair];
    this.#pair = pair;
    try {
      this.#server = this.#begin(this.addr.port);
    } catch (error) {
      this.#pair = pairBefore;
      throw error;
    }
    this.#replaced.resolve();
    this.#replaced = Promise.withResolvers();
    // Ended at once, it would cut off clients that it has not accepted yet.
    this.#outgoing.add(before);
    this.#handover?.cancel();
    this.#handover = this.#clock.after(HANDOVER_MS, () => {
      for (const server of this.#outgoing) this.#end(server);
    });
  }

  /** Its idle connections close, and its answers go on. */
  #end(server: PlatformServer): void {
    this.#outgoing.delete(server);
    const ending = server.shutdown().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** Resolves when the front is stopped: a server that can accept no more is followed by another. */
  async #keepAccepting(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const since = this.#clock.now();
      const server = this.#server;
      const failure = await this.#watch(server);
      if (this.#stop.signal.aborted) return;
      // Another has its place already.
      if (server !== this.#server) continue;
      if (failure === undefined) return;
      this.#end(server);
      if (this.#clock.now() - since >= RECOVERED_MS) pauseMs = FIRST_PAUSE_MS;
      if (!await this.#beginAgain(server, failure.error, pauseMs)) return;
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** What kept a server from accepting; undefined when it was stopped, or another has its place. */
  async #watch(server: PlatformServer): Promise<{ readonly error: unknown } | undefined> {
    const recovered = new AbortController();
    const steady = sleep(this.#clock, RECOVERED_MS, recovered.signal).then((end) => {
      if (end !== "elapsed" || this.#ailment === undefined) return;
      this.#ailment = undefined;
      this.#options.onEvent?.({ kind: "accepting" });
    });
    try {
      await Promise.race([server.finished, this.#replaced.promise]);
      return undefined;
    } catch (error) {
      return { error };
    } finally {
      recovered.abort();
      await steady;
    }
  }

  /** Have another server in the place of `failed`; false when the front is stopped meanwhile. */
  async #beginAgain(failed: PlatformServer, error: unknown, pauseMs: number): Promise<boolean> {
    let cause = error;
    for (let waitMs = pauseMs;; waitMs = Math.min(waitMs * 2, LONGEST_PAUSE_MS)) {
      if (this.#ailment === undefined) {
        this.#ailment = "no more connections can be accepted";
        this.#options.onEvent?.({ kind: "not-accepting", error: cause });
      }
      if (await sleep(this.#clock, waitMs, this.#stop.signal) === "aborted") return false;
      // A renewed certificate has brought one.
      if (this.#server !== failed) return true;
      try {
        this.#server = this.#begin(this.addr.port);
        return true;
      } catch (again) {
        cause = again;
      }
    }
  }

  async #answer(request: Request, info: DenoInfo): Promise<Response> {
    const asked = frontRequest(request, info, this.#bodies);
    const { limits, onEvent, addressOf, onRefusal } = this.#options;
    const hostname = addressOf?.(asked) ?? plainAddress(info.remoteAddr.hostname);
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
      const { headers, ...answer } = (onRefusal ?? busy)(503, message);
      const ends = [["retry-after", "1"], ["connection", "close"]] as const;
      return this.#response({ ...answer, headers: [...headers, ...ends] });
    }
    this.#count(hostname, 1);
    const lease = new Lease(() => this.#count(hostname, -1));
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

  #count(hostname: string, delta: number): void {
    this.#requests += delta;
    const count = (this.#perAddress.get(hostname) ?? 0) + delta;
    if (count === 0) this.#perAddress.delete(hostname);
    else this.#perAddress.set(hostname, count);
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
