/** Platform servers that a test opens, breaks and ends. @module */
import type { PlatformServe, PlatformServeOptions, PlatformServer } from "../../lib/front/mod.ts";

type Handler = Parameters<PlatformServe>[1];

/** One server: what was asked of it, and its fate in the test's hands. */
export class FakePlatformServer implements PlatformServer {
  readonly addr: PlatformServer["addr"];
  readonly finished: Promise<void>;
  readonly handler: Handler;
  /** The certificate that it was begun with. */
  readonly cert: string | undefined;
  shutdowns = 0;
  readonly #end = Promise.withResolvers<void>();
  readonly #answered = Promise.withResolvers<void>();

  constructor(
    addr: PlatformServer["addr"],
    { signal, tls }: Pick<PlatformServeOptions, "signal" | "tls">,
    handler: Handler,
  ) {
    this.addr = addr;
    this.cert = tls?.cert;
    this.handler = handler;
    this.finished = this.#end.promise;
    signal.addEventListener("abort", () => this.answered());
  }

  /** It can accept no more. */
  fail(error: Error): void {
    this.#end.reject(error);
  }

  /** What it has begun to answer has ended. */
  answered(): void {
    this.#answered.resolve();
  }

  async shutdown(): Promise<void> {
    this.shutdowns++;
    await this.#answered.promise;
    this.#end.resolve();
  }
}

/** Every server that was begun, and what the next ones fail with. */
export class FakePlatform {
  readonly servers: FakePlatformServer[] = [];
  readonly ports: number[] = [];
  readonly failures: Error[] = [];

  readonly serve: PlatformServe = ({ hostname, port, ...options }, handler) => {
    this.ports.push(port);
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    const server = new FakePlatformServer(
      { hostname, port: port === 0 ? 4000 : port },
      options,
      handler,
    );
    this.servers.push(server);
    return server;
  };

  /** The server of that number. */
  server(index: number): FakePlatformServer {
    const server = this.servers[index];
    if (server === undefined) throw new Error(`There is no server ${index}`);
    return server;
  }
}
