/** The API server of tests on a socket, which can be stopped and started again. @module */
import type { Issued } from "../authority.ts";
import { KubernetesApi } from "./api.ts";

/** An API server that listens. */
export class KubernetesServer implements AsyncDisposable {
  readonly api: KubernetesApi;
  #port = 0;
  #running: { readonly server: Deno.HttpServer; readonly stop: AbortController } | undefined;

  readonly #pair: Issued | undefined;

  /** With a certificate, it speaks TLS. */
  constructor(api: KubernetesApi = new KubernetesApi(), pair?: Issued) {
    this.api = api;
    this.#pair = pair;
    this.start();
  }

  get url(): string {
    return `${this.#pair === undefined ? "http" : "https"}://127.0.0.1:${this.#port}`;
  }

  /** Listen, where it did before. */
  start(): void {
    const stop = new AbortController();
    const server = Deno.serve({
      hostname: "127.0.0.1",
      port: this.#port,
      ...this.#pair,
      signal: stop.signal,
      onListen: ({ port }) => void (this.#port = port),
      // A body that was cut is what a test wants.
      onError: () => new Response(null, { status: 500 }),
    }, (request) => this.api.handle(request));
    this.#running = { server, stop };
  }

  /** Go without a word; what it keeps stays. */
  async stop(): Promise<void> {
    this.#running?.stop.abort();
    this.api.cutWatches();
    await this.#running?.server.finished;
    this.#running = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.api[Symbol.dispose]();
  }
}
