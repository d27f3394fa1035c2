/** A gate before an engine: passes bytes through, and holds requests back while it is closed. @module */

/** What a gate does with a request when it has all of it: it passes, or waits for the promise. */
export type Hold = (path: string, body: string) => Promise<void> | undefined;

/** A listener that stands for an engine. */
export interface Gate extends Disposable {
  readonly url: string;
  /** Decide about requests from here on. */
  hold(decide: Hold): void;
  /** When a client last ended a connection, by `performance.now()`. */
  readonly leftAt: number | undefined;
}

/** Start a gate before the engine on `port` of this machine. */
export function startGate(port: number): Gate {
  let decide: Hold = () => undefined;
  let leftAt: number | undefined;
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async (): Promise<void> => {
    for await (const client of listener) {
      const left = (): void => void (leftAt = performance.now());
      pass(client, port, (path, body) => decide(path, body), left).catch(() => {
        // Either side has ended the connection: the other one sees that it did.
      });
    }
  };
  serve();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    hold: (next) => void (decide = next),
    get leftAt() {
      return leftAt;
    },
    [Symbol.dispose]: () => listener.close(),
  };
}

/** Carry one connection until either side ends it. */
async function pass(
  client: Deno.Conn,
  port: number,
  decide: Hold,
  left: () => void,
): Promise<void> {
  using _client = client;
  using engine = await Deno.connect({ hostname: "127.0.0.1", port });
  const back = engine.readable.pipeTo(client.writable);
  const forth = async (): Promise<void> => {
    const requests = new RequestReader(client);
    for (;;) {
      const request = await requests.next();
      if (request === undefined) return left();
      const held = decide(request.path, request.body);
      // A client that leaves meanwhile is not to be seen by the engine at all.
      if (held !== undefined && await requests.endsBefore(held)) return;
      const writer = engine.writable.getWriter();
      await writer.write(request.bytes);
      writer.releaseLock();
    }
  };
  await Promise.race([back, forth()]);
  back.catch(() => {}); // Ended by the closing of both.
}

interface GatheredRequest {
  readonly path: string;
  readonly body: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Reads requests with a `Content-Length`, one after the other. */
class RequestReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #bytes = new Uint8Array();
  #pending: Promise<ReadableStreamReadResult<Uint8Array>> | undefined;

  constructor(connection: Deno.Conn) {
    this.#reader = connection.readable.getReader();
  }

  /** All of the next request; undefined when the client has ended the connection. */
  async next(): Promise<GatheredRequest | undefined> {
    for (;;) {
      const request = this.#take();
      if (request !== undefined) return request;
      const { done, value } = await this.#read();
      this.#pending = undefined;
      if (done) return undefined;
      const longer = new Uint8Array(this.#bytes.length + value.length);
      longer.set(this.#bytes);
      longer.set(value, this.#bytes.length);
      this.#bytes = longer;
    }
  }

  /** Whether the client leaves before `moment`. */
  async endsBefore(moment: Promise<void>): Promise<boolean> {
    return await Promise.race([
      this.#read().then(({ done }) => done, () => true),
      moment.then(() => false),
    ]);
  }

  #read(): Promise<ReadableStreamReadResult<Uint8Array>> {
    this.#pending ??= this.#reader.read();
    return this.#pending;
  }

  #take(): GatheredRequest | undefined {
    const text = new TextDecoder("latin1").decode(this.#bytes);
    const headEnd = text.indexOf("\r\n\r\n");
    if (headEnd < 0) return undefined;
    const length = Number(/^content-length: *(\d+)/im.exec(text.slice(0, headEnd))?.[1] ?? 0);
    const end = headEnd + 4 + length;
    if (this.#bytes.length < end) return undefined;
    const bytes = this.#bytes.slice(0, end);
    this.#bytes = this.#bytes.slice(end);
    const path = text.slice(0, headEnd).split(" ")[1] ?? "";
    return { path, body: new TextDecoder().decode(bytes.subarray(headEnd + 4)), bytes };
  }
}
