/** The server on real sockets, and clients that write bytes. @module */
import { concatBytes, decodeUtf8, encodeUtf8, systemClock } from "../../../../lib/base/mod.ts";
import type {
  Front,
  FrontEvent,
  FrontHandler,
  FrontLimits,
  FrontTls,
} from "../../../../lib/front/contract/mod.ts";
import { startHttp1 } from "../../../../lib/front/http1/mod.ts";
import { answerOf } from "./server.ts";

/** Limits that no test reaches unless it sets its own. */
const GENEROUS: FrontLimits = {
  headMs: 60_000,
  bodyIdleMs: 60_000,
  writeIdleMs: 60_000,
  keepAliveMs: 60_000,
  maxConnections: 1_000,
  maxPerAddress: 1_000,
};

/** A server on a free port of 127.0.0.1. */
export interface SocketServer extends AsyncDisposable {
  readonly front: Front;
  readonly port: number;
  readonly events: readonly FrontEvent[];
  readonly faults: readonly unknown[];
}

/** Start one; disposing it cuts everything off. */
export function startSockets(
  handler: FrontHandler,
  { limits = {}, port = 0, tls }: {
    limits?: Partial<FrontLimits>;
    port?: number;
    tls?: FrontTls;
  } = {},
): SocketServer {
  const events: FrontEvent[] = [];
  const faults: unknown[] = [];
  const front = startHttp1(
    {
      hostname: "127.0.0.1",
      port,
      limits: { ...GENEROUS, ...limits },
      ...(tls === undefined ? {} : { tls }),
      onFault(error) {
        faults.push(error);
        return answerOf("fault", [], 500);
      },
      onEvent: (event) => events.push(event),
    },
    handler,
    { clock: systemClock() },
  );
  return {
    front,
    port: front.addr.port,
    events,
    faults,
    async [Symbol.asyncDispose]() {
      await front.close();
      await front.finished;
    },
  };
}

/** A client on a socket of its own. */
export class RawClient implements Disposable {
  readonly conn: Deno.Conn;
  #text = "";

  constructor(conn: Deno.Conn) {
    this.conn = conn;
  }

  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Write everything. */
  async send(...parts: readonly (string | Uint8Array)[]): Promise<void> {
    const bytes = concatBytes(parts.map((p) => typeof p === "string" ? encodeUtf8(p) : p));
    for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
  }

  /** What has come, once `ends` is in it: up to its end, dates left out. Throws at the end before. */
  async until(ends: string): Promise<string> {
    for (;;) {
      const at = this.#text.indexOf(ends);
      if (at >= 0) {
        const text = this.#text.slice(0, at + ends.length);
        this.#text = this.#text.slice(at + ends.length);
        return withoutDates(text);
      }
      if (!await this.#more()) throw new Error(`The connection ended before ${ends}`);
    }
  }

  /** All that comes until the server closes, dates left out; a reset counts as the end. */
  async all(): Promise<string> {
    while (await this.#more());
    const text = this.#text;
    this.#text = "";
    return withoutDates(text);
  }

  [Symbol.dispose](): void {
    try {
      this.conn.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #more(): Promise<boolean> {
    const chunk = new Uint8Array(64 * 1024);
    const size = await this.conn.read(chunk).catch((error: unknown) => {
      if (error instanceof Deno.errors.ConnectionReset) return null;
      throw error;
    });
    if (size === null) return false;
    this.#text += decodeUtf8(chunk.subarray(0, size));
    return true;
  }
}

function withoutDates(text: string): string {
  return text.replaceAll(/date: [^\r]*\r\n/g, "");
}
