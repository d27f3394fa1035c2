/** Three servers that read the same bytes: ours, the platform's (hyper), Node's (llhttp). @module */
import { createServer } from "node:http";
import { concatBytes, encodeUtf8, systemClock } from "../../../lib/base/mod.ts";
import { startHttp1 } from "../../../lib/front/http1/mod.ts";

/** A request as a server has understood it. */
export interface Seen {
  readonly method: string;
  /** Path and query, or `*`. */
  readonly target: string;
  /** Names in lower case, sorted; the values of one name joined. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** One character per byte; undefined where reading it failed. */
  readonly body: string | undefined;
}

/** A server, and what it has understood of each client. */
export interface Peer extends AsyncDisposable {
  readonly name: "ours" | "hyper" | "llhttp";
  readonly port: number;
  /** Take out what was understood of the client at `port`, in order. */
  take(port: number): readonly Seen[];
}

/** Notes requests by the port they come from; a request counts once its body is known. */
class Notes {
  readonly #seen = new Map<number, Seen[]>();

  add(port: number, seen: Seen): void {
    const known = this.#seen.get(port);
    if (known === undefined) this.#seen.set(port, [seen]);
    else known.push(seen);
  }

  take(port: number): readonly Seen[] {
    const seen = this.#seen.get(port) ?? [];
    this.#seen.delete(port);
    return seen;
  }
}

const ANSWER = encodeUtf8("ok");

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function sorted(fields: Iterable<readonly [string, string]>): Seen["fields"] {
  const values = new Map<string, string>();
  for (const [name, value] of fields) {
    const lower = name.toLowerCase();
    const known = values.get(lower);
    values.set(lower, known === undefined ? value : `${known}, ${value}`);
  }
  return [...values].sort(([one], [other]) => one < other ? -1 : 1);
}

const LIMIT_MS = 20_000;

/** The server of this project. */
export function startOurs(): Peer {
  const notes = new Notes();
  const front = startHttp1({
    hostname: "127.0.0.1",
    port: 0,
    limits: {
      headMs: LIMIT_MS,
      bodyIdleMs: LIMIT_MS,
      writeIdleMs: LIMIT_MS,
      keepAliveMs: LIMIT_MS,
      maxConnections: 10_000,
      maxPerAddress: 10_000,
    },
    onFault: (error) => {
      throw error;
    },
  }, async ({ method, target, headers, body, remote }) => {
    const parts: Uint8Array[] = [];
    let text: string | undefined;
    try {
      for (let bytes = await body.read(); bytes !== undefined; bytes = await body.read()) {
        parts.push(bytes);
      }
      text = latin1(concatBytes(parts));
    } catch {
      text = undefined; // The request is noted as one whose body could not be read.
    }
    notes.add(remote.port, { method, target, fields: sorted(headers), body: text });
    return { status: text === undefined ? 400 : 200, headers: [], body: ANSWER };
  }, { clock: systemClock() });
  return {
    name: "ours",
    port: front.addr.port,
    take: (port) => notes.take(port),
    [Symbol.asyncDispose]: () => front.close(),
  };
}

/** `Deno.serve`. */
export function startHyper(): Peer {
  const notes = new Notes();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
    onError: () => new Response("ok", { status: 500 }),
  }, async (request, { remoteAddr }) => {
    const body = await request.bytes().then(latin1, () => undefined);
    // The platform puts a URL together; the target is what follows the authority in it.
    const path = request.url.replace(/^[a-z]+:\/\/[^/?]*/i, "");
    const target = path.startsWith("?") ? `/${path}` : path;
    notes.add(remoteAddr.port, {
      method: request.method,
      target: request.method === "OPTIONS" && target === "/*" ? "*" : target || "/",
      fields: sorted(request.headers),
      body,
    });
    return new Response(ANSWER, { status: body === undefined ? 400 : 200 });
  });
  return {
    name: "hyper",
    port: server.addr.port,
    take: (port) => notes.take(port),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** `node:http`. */
export async function startLlhttp(): Promise<Peer> {
  const notes = new Notes();
  const server = createServer({ keepAliveTimeout: LIMIT_MS }, (request, response) => {
    const parts: Uint8Array[] = [];
    const port = request.socket.remotePort ?? 0;
    const note = (body: string | undefined): void => {
      const { method = "", url = "", rawHeaders } = request;
      const pairs: [string, string][] = [];
      for (let index = 0; index < rawHeaders.length; index += 2) {
        pairs.push([rawHeaders[index] ?? "", rawHeaders[index + 1] ?? ""]);
      }
      const path = url.replace(/^https?:\/\/[^/?]*/i, "");
      const target = path === "" ? "/" : path.replace(/^\?/, "/?");
      notes.add(port, { method, target, fields: sorted(pairs), body });
    };
    let noted = false;
    request.on("data", (bytes: Uint8Array) => parts.push(bytes));
    request.on("error", () => {});
    request.on("end", () => {
      noted = true;
      note(latin1(concatBytes(parts)));
      response.end("ok");
    });
    request.on("close", () => {
      if (!noted) note(undefined);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("Cannot listen");
  return {
    name: "llhttp",
    port: address.port,
    take: (port) => notes.take(port),
    [Symbol.asyncDispose]() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
