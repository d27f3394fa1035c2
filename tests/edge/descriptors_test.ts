/**
 * The router as a process of its own that may have few file descriptors: whatever takes them, it lives,
 * what runs goes on, and others are served when there is room again.
 */
import { decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";

const ROOT = new URL("../../", import.meta.url);
const DEADLINE_MS = 180_000;
const MODEL = "m";

/** With the limit told, as the tasks of a checkout and the compiled file do; and without. */
const TOLD = ["/bin/sh", "scripts/start.sh"];
const UNTOLD = [
  ...[Deno.execPath(), "run", "--no-check", "--no-prompt", "--allow-net", "--allow-read"],
  ...["--allow-env=PD_ROUTER_*,VLLM_API_KEY", "main.ts"],
];

/** An engine whose streams go on when the test says so. */
class Engine implements AsyncDisposable {
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
interface Router extends AsyncDisposable {
  readonly port: number;
  readonly notifications: number;
  readonly text: () => string;
  readonly ended: () => boolean;
}

/** Start a router that may have so many descriptors. */
async function start(
  limit: number,
  command: readonly string[],
  args: readonly string[],
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
  return {
    port: Number(/Serving on http:\S+:(\d+)/.exec(text)?.[1]),
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

function direct(engine: Engine): readonly string[] {
  return [`--decode=http://127.0.0.1:${engine.port}`, "--routing-logic=roundrobin"];
}

/** Connections that are open and say nothing. */
class Silent implements Disposable {
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

function complete(router: Router): Promise<Response> {
  return fetch(`http://127.0.0.1:${router.port}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: BODY,
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
}

/** Send a request again and again until its answer begins: connections may be refused meanwhile. */
async function completeInTheEnd(router: Router): Promise<Response> {
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

async function metric(router: Router, name: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${router.port}/metrics`);
  const line = (await response.text()).split("\n").find((text) =>
    text.startsWith(`${name} `) ||
    text.startsWith(`${name}{`)
  );
  return Number(line?.split(" ").at(-1));
}

/** Whether it calls itself healthy; undefined where it cannot be asked. */
async function health(router: Router): Promise<boolean | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${router.port}/health`, {
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    await response.body?.cancel();
    return response.ok;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** The events of a stream's rest. */
async function rest(response: Response): Promise<readonly string[]> {
  return (await response.text()).split("\n\n").filter((event) => event !== "");
}

const SILENCES: readonly (readonly [limit: number, connections: number, command: typeof TOLD])[] = [
  [64, 120, TOLD],
  [64, 120, UNTOLD],
  [1024, 1_200, TOLD],
  [1024, 1_200, UNTOLD],
];

for (const [limit, connections, command] of SILENCES) {
  const name = `${limit} descriptors, ${command === TOLD ? "told" : "not told"}`;
  Deno.test(`the router outlives ${connections} silent connections: ${name}`, async () => {
    await using engine = new Engine();
    await using router = await start(limit, command, direct(engine));
    const running = await complete(router);
    using silent = new Silent();
    await silent.connect(router.port, connections);
    const second = await completeInTheEnd(router);
    engine.go("{}");
    engine.end();
    for (const response of [running, second]) {
      const events = await rest(response);
      assertEquals([events.length, events.at(-1)], [3, "data: [DONE]"]);
    }
    silent[Symbol.dispose]();
    await eventually(async () => await health(router) === true, router.text, DEADLINE_MS);
    assertEquals(await metric(router, "pd_router_accepting"), 1);
    assertEquals(await metric(router, "pd_router_engine_up"), 1);
  });
}

Deno.test("the router reaches engines although clients keep their connections", async () => {
  await using engine = new Engine();
  await using router = await start(64, UNTOLD, direct(engine));
  const kept: Deno.Conn[] = [];
  try {
    const get = encodeUtf8("GET /version HTTP/1.1\r\nHost: x\r\n\r\n");
    for (let index = 0; index < 100; index++) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: router.port }).catch(() => {});
      if (conn === undefined) continue;
      kept.push(conn);
      await conn.write(get).then(() => conn.read(new Uint8Array(4096))).catch(() => {});
    }
    const response = await completeInTheEnd(router);
    engine.end();
    assertEquals((await rest(response)).at(-1), "data: [DONE]");
  } finally {
    for (const conn of kept) conn.close();
  }
});

Deno.test("the router answers 503, and blames no engine, for more streams than descriptors", async () => {
  await using engine = new Engine();
  await using router = await start(64, UNTOLD, direct(engine));
  const ends = await Promise.all(Array.from({ length: 60 }, async () => {
    const response = await complete(router).catch(() => undefined);
    if (response === undefined || response.status === 200) return { response, status: 200 };
    const again = response.headers.get("retry-after");
    await response.body?.cancel();
    return { response: undefined, status: response.status, again };
  }));
  for (const { status, again } of ends) {
    if (status !== 200) assertEquals([status, again], [503, "1"], router.text());
  }
  const streams = ends.flatMap(({ response }) => response ?? []);
  assert(streams.length > 5, `${streams.length}`);
  engine.end();
  for (const stream of streams) assertEquals((await rest(stream)).at(-1), "data: [DONE]");
  const later = await completeInTheEnd(router);
  engine.end();
  assertEquals((await rest(later)).at(-1), "data: [DONE]");
  assertEquals(await metric(router, "pd_router_engine_up"), 1);
});

Deno.test("the router outlives silent connections to its port for notifications", async () => {
  await using engine = new Engine();
  await using router = await start(64, TOLD, [
    `--prefill=http://127.0.0.1:${engine.port}`,
    `--decode=http://127.0.0.1:${engine.port}/d`,
    ...["--nixl-proxy-host=127.0.0.1", `--nixl-proxy-port=${freePort()}`],
  ]);
  using silent = new Silent();
  await silent.connect(router.notifications, 100);
  assertEquals(await health(router), true);
  const told = /Rejected a KV-ready peer.*4 connections are open/;
  await eventually(() => told.test(router.text()), router.text, DEADLINE_MS);
});

/** A port that was free a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
