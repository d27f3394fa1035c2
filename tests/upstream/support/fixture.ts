/** A client on engines in memory and a clock that moves when told to. @module */
import { decodeUtf8 } from "../../../lib/base/mod.ts";
import {
  createUpstreamClient,
  type PooledUpstreamClient,
  type UpstreamClientOptions,
  type UpstreamRequest,
  type UpstreamResponse,
} from "../../../lib/upstream/mod.ts";
import type { Dial } from "../../../lib/upstream/dial.ts";
import { assertEquals } from "../../support/assert.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryEngines } from "./memory_engine.ts";

export const URL_A = "http://10.0.0.1:8000";

/** A GET of `/` at `URL_A`, changed by `part`. */
export function request(part: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    method: "GET",
    url: URL_A,
    path: "/",
    headers: [],
    connectTimeoutMs: 1000,
    headTimeoutMs: 10_000,
    idleTimeoutMs: 5000,
    ...part,
  };
}

/** A whole response with a Content-Length. */
export function answer(body: string, head = "HTTP/1.1 200 OK"): string {
  return `${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

/** The rest of a body as text. */
export async function text(response: UpstreamResponse): Promise<string> {
  return decodeUtf8(await response.readAll(1 << 20));
}

/** A connection that comes when told to, and how often it was closed. */
export interface LateConnection {
  readonly dial: Dial;
  readonly arrive: () => void;
  readonly closed: () => number;
}

/** Dials that wait until `arrive` is called. */
export function lateConnection(): LateConnection {
  const { promise, resolve } = Promise.withResolvers<void>();
  let closed = 0;
  return {
    dial: async () => {
      await promise;
      return {
        read: () => Promise.resolve(null),
        write: () => Promise.resolve(0),
        close: () => closed++,
      };
    },
    arrive: resolve,
    closed: () => closed,
  };
}

/** Disposing it disposes the client, which must leave no socket open and no timer pending. */
export class Fixture implements Disposable {
  readonly engines = new MemoryEngines();
  readonly clock: FakeClock;
  readonly client: PooledUpstreamClient;

  constructor(options: Partial<UpstreamClientOptions> & { readonly clock?: FakeClock } = {}) {
    this.clock = options.clock ?? new FakeClock();
    this.client = createUpstreamClient({ clock: this.clock, dial: this.engines.dial, ...options });
  }

  send(part: Partial<UpstreamRequest> = {}): Promise<UpstreamResponse> {
    return this.client.send(request(part));
  }

  /** Send a request, have connection `index` answer it, read the body. */
  async exchange(
    index: number,
    reply = answer("ok"),
    part: Partial<UpstreamRequest> = {},
  ): Promise<string> {
    const sent = this.send(part);
    (await this.engines.socket(index)).send(reply);
    using response = await sent;
    return await text(response);
  }

  [Symbol.dispose](): void {
    this.client[Symbol.dispose]();
    assertEquals(this.client.stats(), { open: 0, idle: 0 });
    assertEquals(this.engines.sockets.filter((socket) => !socket.closed).length, 0);
    assertEquals(this.clock.pending, 0);
  }
}
