/** Every way of a request, with an engine at its end that answers as a test says. @module */
import { concatBytes, encodeUtf8 } from "../../lib/base/mod.ts";
import { eventually } from "../support/eventually.ts";
import type { FakeClock } from "../support/fake_clock.ts";
import {
  engineAt,
  post,
  type RouterChanges,
  startRouter,
  type TestRouter,
} from "../support/router.ts";
import {
  type AskedRequest,
  type ScriptedEngine,
  startScripted,
} from "../support/scripted_engine.ts";

/** The ways. */
export const ROUTES = ["direct", "P1", "D1", "NixlConnector", "shared storage"] as const;
export type RouteName = typeof ROUTES[number];

/** Ways on which nothing has reached the client before the last engine says something. */
export const RELAYED = ROUTES.filter((name) => name !== "P1");

/** An answer to a request. */
export type Answer = (request: AskedRequest) => Response | Promise<Response>;

/** A router, and the engines of one way. */
export interface Route extends AsyncDisposable {
  readonly router: TestRouter;
  /** The engine that serves, or that prefills. */
  readonly engines: readonly ScriptedEngine[];
  /** Bodies that the last engine was asked with, but for those that release KV. */
  readonly asked: () => readonly Readonly<Record<string, unknown>>[];
  /** How often KV was released. */
  readonly drains: () => number;
  /** Wait until nothing of any request is left; fail when something stays. */
  readonly quiet: () => Promise<void>;
}

/** What a test changes. */
export interface RouteChanges {
  readonly router?: RouterChanges;
  /** Answers the prefill leg. */
  readonly prefill?: Answer;
  /** Answers `/tokenize`. */
  readonly tokenize?: Answer;
  /** Of each kind; the last of them answers as it should. */
  readonly engines?: number;
  /** In the place of the last engine: whatever it is asked, on a bare socket. */
  readonly raw?: (conn: Deno.Conn) => Promise<void>;
}

/** What a prefill answers. */
export function prefilled(more: Record<string, unknown> = {}, choice = {}): Response {
  return Response.json({
    id: "cmpl-p",
    object: "text_completion",
    created: 4,
    model: "m",
    choices: [{
      index: 0,
      text: " one",
      logprobs: null,
      finish_reason: "length",
      stop_reason: null,
      ...choice,
    }],
    usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
    kv_transfer_params: { first_tok: 91, remote_engine_id: "e", remote_block_ids: [[1]] },
    ...more,
  });
}

/** Whether a request has KV read that no answer will read. */
function isDrain({ text }: AskedRequest): boolean {
  const body = JSON.parse(text);
  return body.max_tokens === 1 && body.stream === false;
}

const HANDOFFS = {
  "P1": "lmcache",
  "D1": "lmcache",
  "NixlConnector": "nixl",
  "shared storage": "shared_storage",
} as const;

/** Start the engines of a way and a router; the last engine of the way answers by `answer`. */
export async function startRoute(
  name: RouteName,
  answer: Answer,
  changes: RouteChanges = {},
): Promise<Route> {
  await using stack = new AsyncDisposableStack();
  const count = changes.engines ?? 1;
  const script = (serve: Answer, hostile: boolean): ScriptedEngine =>
    stack.use(startScripted(async (request) => {
      if (request.path === "/tokenize") {
        const tokens = { count: 3, max_model_len: 4096, tokens: [11, 12, 13] };
        return await (hostile ? changes.tokenize : undefined)?.(request) ?? Response.json(tokens);
      }
      return await serve(request);
    }));
  const kinds = Array.from({ length: count }, (_, at) => count === 1 || at < count - 1);
  const last = kinds.map((hostile) =>
    script(async (request) => {
      if (name !== "direct" && isDrain(request)) return Response.json({ choices: [] });
      return hostile ? await answer(request) : served(request);
    }, false)
  );
  const first = name === "direct" ? [] : kinds.map((hostile) =>
    script(
      (request) => (hostile ? changes.prefill : undefined)?.(request) ?? prefilled(),
      hostile,
    )
  );
  const nixl = {
    host: "127.0.0.1",
    initPorts: [7300],
    allocPorts: [7400],
    modes: [name === "P1" ? "p1" : "d1"],
  } as const;
  const ends = changes.raw === undefined ? last : [stack.use(startRaw(changes.raw))];
  const records = name === "direct" ? ends.map(({ url }) => engineAt(url, "any")) : [
    ...first.map(({ url }) => engineAt(url, "prefill")),
    ...ends.map(({ url }) => engineAt(url, "decode", { nixl })),
  ];
  const handoff = name === "direct" ? {} : {
    // Nobody notifies: what is tried here begins behind the wait.
    handoff: { kind: HANDOFFS[name], kvReadyTimeoutMs: 1, kvTimeoutPolicy: "proceed" as const },
  };
  const { handoff: more, ...router } = changes.router ?? {};
  const running = stack.use(
    await startRouter(records, { ...router, handoff: { ...handoff.handoff, ...more } }),
  );
  const parts = stack.move();
  const seen = (): readonly AskedRequest[] =>
    last.flatMap(({ asked }) => asked).filter(({ path }) => path.startsWith("/v1/"));
  return {
    router: running,
    engines: [...first, ...last],
    asked: () =>
      seen().filter((one) => name === "direct" || !isDrain(one)).map(({ text }) =>
        JSON.parse(text)
      ),
    drains: () => name === "direct" ? 0 : seen().filter(isDrain).length,
    quiet: () =>
      eventually(
        () => Object.values(running.app.stats()).every((left) => left === 0),
        () => JSON.stringify(running.app.stats()),
      ),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Ask for a completion of 9 tokens. */
export function ask(
  { router }: Pick<Route, "router">,
  more: Record<string, unknown> = {},
): Promise<Response> {
  const body = { model: "m", prompt: "hi", max_tokens: 9, ...more };
  return post(`${router.url}/v1/completions`, body);
}

/** One event. */
export function data(value: unknown): string {
  return `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`;
}

/** A completion, or a chunk of one. */
export function chunk(text: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: "cmpl-d",
    object: "text_completion",
    created: 5,
    model: "m",
    choices: [{ index: 0, text, logprobs: null, finish_reason: null, ...more }],
  };
}

/** A stream of what `pieces` give, as it is taken. */
export function streamOf(pieces: Iterable<string | Uint8Array>): Response {
  const iterator = pieces[Symbol.iterator]();
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { done, value } = iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(typeof value === "string" ? encodeUtf8(value) : value);
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** What an engine answers that does what it is asked. */
export function served({ text }: AskedRequest): Response {
  const end = chunk(" two", { finish_reason: "length" });
  if (JSON.parse(text).stream !== true) return Response.json(end);
  return streamOf([data(end), data("[DONE]")]);
}

/** An answer as a client has it at its end. */
export interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The error that it tells of: its body's, or its last event's. */
  readonly error: Readonly<Record<string, unknown>> | undefined;
  /** The texts of all chunks, or of the answer. */
  readonly said: string;
  readonly done: boolean;
}

/** Read an answer to its end. */
export async function got(response: Response): Promise<Got> {
  const text = await response.text();
  const { status, headers } = response;
  const stream = (headers.get("content-type") ?? "").startsWith("text/event-stream");
  const values = stream
    ? text.split("\n\n").filter((part) => part.startsWith("data: {"))
      .map((part) => JSON.parse(part.slice("data: ".length)))
    : text.startsWith("{")
    ? [JSON.parse(text)]
    : [];
  return {
    status,
    headers,
    text,
    error: values.find(({ error }) => error !== undefined && error !== null)?.error,
    said: values.flatMap(({ choices }) => choices ?? []).map((choice) => choice.text ?? "").join(
      "",
    ),
    done: text.endsWith(data("[DONE]")),
  };
}

/** What `work` gives, while time goes by in steps of `stepMs`. */
export async function passing<T>(clock: FakeClock, stepMs: number, work: Promise<T>): Promise<T> {
  let over = false;
  const end = work.finally(() => over = true);
  end.catch(() => {});
  await eventually(async () => {
    await clock.advance(stepMs);
    return over;
  });
  return await end;
}

/** An engine on a bare socket: it serves model `m`, and answers the rest by `respond`. */
export function startRaw(
  respond: (conn: Deno.Conn) => Promise<void>,
): { readonly url: string } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const serving = (async () => {
    for await (const conn of listener) {
      open.add(conn);
      serveRaw(conn, respond).catch(() => {}).finally(() => close(conn));
    }
  })();
  const close = (conn: Deno.Conn): void => {
    if (open.delete(conn)) conn.close();
  };
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      for (const conn of [...open]) close(conn);
    },
  };
}

const CARDS = JSON.stringify({
  object: "list",
  data: [{ id: "m", object: "model", created: 1, owned_by: "vllm", max_model_len: 4096 }],
});

async function serveRaw(
  conn: Deno.Conn,
  respond: (conn: Deno.Conn) => Promise<void>,
): Promise<void> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(64 * 1024);
  for (;;) {
    const size = await conn.read(buffer);
    if (size === null) return;
    parts.push(buffer.slice(0, size));
    const text = new TextDecoder().decode(concatBytes(parts));
    const head = text.indexOf("\r\n\r\n");
    const length = Number(/content-length: *(\d+)/i.exec(text)?.[1] ?? 0);
    if (head < 0 || text.length < head + 4 + length) continue;
    if (text.startsWith("GET /v1/models")) {
      const reply = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n` +
        `content-length: ${CARDS.length}\r\nconnection: close\r\n\r\n${CARDS}`;
      await conn.write(encodeUtf8(reply));
      return;
    }
    return await respond(conn);
  }
}

/** Write all of `text` to a socket that may be closed by then. */
export async function write(conn: Deno.Conn, text: string | Uint8Array): Promise<void> {
  const bytes = typeof text === "string" ? encodeUtf8(text) : text;
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
