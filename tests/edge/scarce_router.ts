/** The router as a process of its own that may have few file descriptors, and what asks it. @module */
import { decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";

const ROOT = new URL("../../", import.meta.url);

/** Longest wait for anything, in milliseconds. */
export const DEADLINE_MS = 180_000;

const MODEL = "m";

/** With the limit told, as the tasks of a checkout and the compiled file do; and without. */
export const TOLD = ["/bin/sh", "scripts/start.sh"];
export const UNTOLD = [
  ...[Deno.execPath(), "run", "--no-check", "--no-prompt", "--allow-net", "--allow-read"],
  ...[
    "--allow-env=PD_ROUTER_*,VLLM_API_KEY,VLLM_FEATURE_GATES,OPENAI_API_KEY,ANTHROPIC_API_KEY,OTEL_*",
    "main.ts",
  ],
];

/** An engine whose streams go on when the test says so. */
export class Engine implements AsyncDisposable {
  readonly port: number;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #streams = new Set<ReadableStreamDefaultController<Uint8Array>>();

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(new URL(request.url).pathname),
    );
    this.port = this.#server.addr.port;
  }

  /** One more event in every stream. */
  go(text: string): void {
    for (const stream of this.#streams) stream.enqueue(encodeUtf8(`data: ${text}\n\n`));
  }

  /** The end of every stream. */
  end(): void {
    this.go("[DONE]");
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
    await this.#server.shutdown();
  }

  #answer(path: string): Response {
    if (path === "/v1/models") {
      return Response.json({ object: "list", data: [{ id: MODEL, object: "model" }] });
    }
    let own: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (stream) => {
        own = stream;
        this.#streams.add(stream);
        stream.enqueue(encodeUtf8('data: {"choices":[{"index":0,"text":"a"}]}\n\n'));
      },
      cancel: () => {
        if (own !== undefined) this.#streams.delete(own);
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }
}

/** A running router. */
export interface Router extends AsyncDisposable {
  readonly port: number;
  /** Without a path. */
  readonly url: string;
  /** Asks it. */
  readonly client: Deno.HttpClient | undefined;
  readonly notifications: number;
  readonly text: () => string;
  readonly ended: () => boolean;
}

/** Start a router that may have so many descriptors, which `client` asks. */
export async function start(
  limit: number,
  command: readonly string[],
  args: readonly string[],
  client?: Deno.HttpClient,
): Promise<Router> {
  const child = new Deno.Command("/bin/sh", {
    args: [
      ...["-c", 'ulimit -n "$0" && exec "$@"', `${limit}`, ...command, ...args],
      ...["--host=127.0.0.1", "--port=0"],
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(3 * DEADLINE_MS),
  }).spawn();
  let text = "";
  let ended = false;
  const read = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    for await (const bytes of stream) text += decodeUtf8(bytes);
  };
  const all = Promise.all([read(child.stdout), read(child.stderr)]);
  child.status.then(() => ended = true);
  await eventually(
    () => {
      assert(!ended, text);
      return /Engine answers/.test(text);
    },
    () => `no start: ${text}`,
    DEADLINE_MS,
  );
  const [, scheme, port] = /Serving on (https?):\S+:(\d+)/.exec(text) ?? [];
  return {
    port: Number(port),
    url: `${scheme}://${scheme === "https" ? "localhost" : "127.0.0.1"}:${port}`,
    client,
    notifications: Number(/notifications on tcp:\S+:(\d+)/.exec(text)?.[1]),
    text: () => text,
    ended: () => ended,
    async [Symbol.asyncDispose](): Promise<void> {
      if (!ended) child.kill("SIGTERM");
      const { code } = await child.status;
      await all;
      assertEquals(code, 0, text);
    },
  };
}

/** Flags for a router of that engine alone. */
export function direct(engine: Engine): readonly string[] {
  return [`--decode=http://127.0.0.1:${engine.port}`, "--routing-logic=roundrobin"];
}

/** Connections that are open and say nothing. */
export class Silent implements Disposable {
  readonly #open: Deno.Conn[] = [];
  async connect(port: number, count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      try {
        this.#open.push(await Deno.connect({ hostname: "127.0.0.1", port }));
      } catch (error) {
        const turnedAway = error instanceof Deno.errors.ConnectionRefused ||
          error instanceof Deno.errors.ConnectionReset;
        if (!turnedAway) throw error;
      }
    }
  }

  [Symbol.dispose](): void {
    for (const conn of this.#open.splice(0)) conn.close();
  }
}

const BODY = JSON.stringify({ model: MODEL, prompt: "a", stream: true });

function ask({ url, client }: Router, path: string, init: RequestInit = {}): Promise<Response> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  return fetch(`${url}${path}`, { signal, ...init, ...(client === undefined ? {} : { client }) });
}

/** Ask for a stream. */
export function complete(router: Router): Promise<Response> {
  return ask(router, "/v1/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: BODY,
  });
}

/** Send a request again and again until its answer begins: connections may be refused meanwhile. */
export async function completeInTheEnd(router: Router): Promise<Response> {
  let found: Response | undefined;
  await eventually(
    async () => {
      assert(!router.ended(), router.text());
      const response = await complete(router).catch((error) => {
        if (error instanceof TypeError) return undefined;
        throw error;
      });
      if (response?.status === 200) found = response;
      else await response?.body?.cancel();
      return found !== undefined;
    },
    router.text,
    DEADLINE_MS,
  );
  if (found === undefined) throw new Error("unreachable");
  return found;
}

/** The first sample of a metric. */
export async function metric(router: Router, name: string): Promise<number> {
  const response = await ask(router, "/metrics");
  const line = (await response.text()).split("\n").find((text) =>
    text.startsWith(`${name} `) ||
    text.startsWith(`${name}{`)
  );
  return Number(line?.split(" ").at(-1));
}

/** Whether it calls itself healthy; undefined where it cannot be asked. */
export async function health(router: Router): Promise<boolean | undefined> {
  try {
    const response = await ask(router, "/health");
    await response.body?.cancel();
    return response.ok;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** The events of a stream's rest. */
export async function rest(response: Response): Promise<readonly string[]> {
  return (await response.text()).split("\n\n").filter((event) => event !== "");
}

/** A port that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
