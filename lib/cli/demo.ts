/** `pd-router demo`: simulated engines, the router, and what happens to a few requests. @module */
import { type App, startApp } from "../app.ts";
import { concatBytes, decodeUtf8, describeError, RouterError } from "../base/mod.ts";
import { resolveConfig } from "../config/mod.ts";
import type { RequestTrace } from "../request/mod.ts";
import { type SimEngine, type SimOptions, startSimEngine } from "../sim/mod.ts";
import { isDone, SseDecoder } from "../sse/mod.ts";
import { parseArgv } from "./argv.ts";
import { commandHelp } from "./help.ts";
import { systemFigures } from "./host_figures.ts";
import type { CliPorts } from "./ports.ts";
import { openLogger, refuse } from "./report.ts";
import { milliseconds, timeline } from "./timeline.ts";
import { VERSION_LINE } from "./version.ts";

const FLAGS = [
  { name: "once", type: "flag", help: "End after the requests; exit code 0 when all went right" },
  { name: "host", type: "string", help: "Address the router listens on", byDefault: "127.0.0.1" },
  { name: "port", type: "int", help: "Port the router listens on, 0 for any", byDefault: "8001" },
  {
    name: "admin-port",
    type: "int",
    help: "Port of the live page and the admin API; 0, and --port 0 without it, for any",
    byDefault: "8002",
  },
] as const;

const MODEL = "sim-model";
const RANKS = 2;

/** Slow enough to be seen, quick enough to be watched. */
const PACE = { ttftMs: 20, prefillMsPerToken: 0.25, itlMs: 8 } as const;
const TRANSFER_MS = 15;

interface DemoRequest {
  readonly title: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

const LONG_PROMPT = "The river runs under the bridge, past the mill and on to the sea. ".repeat(30);

const REQUESTS: readonly DemoRequest[] = [
  {
    title: "A chat, streamed",
    path: "/v1/chat/completions",
    body: {
      model: MODEL,
      messages: [{ role: "user", content: "Tell me about the river. [[sim:len 24]]" }],
      max_tokens: 40,
      stream: true,
      stream_options: { include_usage: true },
    },
  },
  {
    title: "A completion, whole",
    path: "/v1/completions",
    body: { model: MODEL, prompt: "Once upon a time [[sim:len 16]]", max_tokens: 16 },
  },
  {
    title: "A long prompt, streamed",
    path: "/v1/chat/completions",
    body: {
      model: MODEL,
      messages: [{ role: "user", content: `${LONG_PROMPT}[[sim:len 20]]` }],
      max_tokens: 30,
      stream: true,
      stream_options: { include_usage: true },
    },
  },
];

/** Help of `pd-router demo`. */
export function demoHelp(): string {
  return commandHelp("pd-router demo [--once] [--port INT]", [{
    title: "Demo",
    flags: FLAGS.map((flag) => ({
      name: flag.name,
      placeholder: flag.type === "flag" ? "" : flag.type === "int" ? "INT" : "ADDRESS",
      text: flag.help,
      choices: "",
      byDefault: "byDefault" in flag ? flag.byDefault : "",
    })),
  }]);
}

/** Run the demo; resolves to the exit code. */
export async function runDemo(argv: readonly string[], ports: CliPorts): Promise<number> {
  const parsed = parseArgv(FLAGS, argv);
  const { out } = ports.stdio;
  if (parsed.help || parsed.version) {
    await out.print(parsed.help ? demoHelp() : VERSION_LINE);
    return 0;
  }
  const known = FLAGS.map((flag) => flag.name as string);
  const unknown = [...parsed.flags.keys()].filter((name) => !known.includes(name))
    .map((name) => ({ key: `--${name}`, message: "unknown flag of pd-router demo" }));
  if (unknown.length + parsed.problems.length > 0) {
    return await refuse([...unknown, ...parsed.problems], ports);
  }
  using signals = ports.signals();
  try {
    await using demo = await startDemo(parsed.flags, ports);
    const right = await showRequests(demo, ports);
    if (parsed.flags.has("once")) return right ? 0 : 1;
    await out.print(invitation(demo));
    demo.watch((seen) => out.write(ownRequest(demo, seen)));
    await Promise.race([signals.next(), demo.app.closed]);
    return 0;
  } catch (error) {
    await ports.stdio.err.print(`pd-router: The demo failed: ${describeError(error)}`);
    return 1;
  }
}

/** A finished request. */
interface Seen {
  readonly id: string;
  readonly path: string;
  readonly trace: RequestTrace;
  readonly endedAtMs: number;
}

/** What runs during the demo. */
interface Demo extends AsyncDisposable {
  readonly app: App;
  readonly url: string;
  readonly prefills: readonly SimEngine[];
  readonly decodes: readonly SimEngine[];
  readonly names: ReadonlyMap<string, string>;
  /** Resolves with the trace of the request of that id, and when it ended. */
  traceOf(id: string): Promise<Seen>;
  /** Be told of every request from here on. */
  watch(tell: (seen: Seen) => void): void;
}

async function startDemo(
  flags: ReadonlyMap<string, readonly string[]>,
  ports: CliPorts,
): Promise<Demo> {
  const { clock, random } = ports;
  const log = openLogger(ports, { level: "warning", format: "text" });
  await using stack = new AsyncDisposableStack();
  const start = async (options: Partial<SimOptions>): Promise<SimEngine> => {
    const shape = { ...PACE, ranks: RANKS, models: [MODEL], notify: TRANSFER_MS };
    return stack.use(await startSimEngine({ ...shape, ...options }, { clock, random, log }));
  };
  const proxyPort = freePort();
  const prefill = { role: "prefill", proxyHost: "127.0.0.1", proxyPort } as const;
  const prefills = [await start(prefill), await start(prefill)];
  const decodes = [await start({ role: "decode" }), await start({ role: "decode" })];
  const config = resolveConfig({
    flags: new Map([
      ["host", flags.get("host") ?? ["127.0.0.1"]],
      ["port", flags.get("port") ?? ["8001"]],
      ["admin-listen", [`127.0.0.1:${adminPort(flags)}`]],
      ["nixl-proxy-host", ["127.0.0.1"]],
      ["nixl-proxy-port", [String(proxyPort)]],
      ["prefill", prefills.map(({ url }) => url)],
      ["decode", decodes.map(decodeSpec)],
    ]),
    env: () => undefined,
  });
  if (!config.ok) {
    throw new RouterError("bad-request", config.problems.map(({ message }) => message).join("; "));
  }
  const ended = new Map<string, Seen>();
  const waiting = new Map<string, () => void>();
  let watcher: ((seen: Seen) => void) | undefined;
  const app = stack.use(
    await startApp(config.config, {
      clock,
      random,
      log,
      host: systemFigures(),
      onTrace: (id, path, trace) => {
        const seen = { id, path, trace, endedAtMs: clock.now() };
        if (watcher !== undefined) return watcher(seen);
        ended.set(id, seen);
        waiting.get(id)?.();
      },
    }),
  );
  await app.probed;
  const names = new Map([
    ...prefills.map(({ url }, index) => [url, `prefill-${index + 1}`] as const),
    ...decodes.map(({ url }, index) => [url, `decode-${index + 1}`] as const),
  ]);
  const parts = stack.move();
  return {
    app,
    url: `http://${app.address.hostname}:${app.address.port}`,
    prefills,
    decodes,
    names,
    async traceOf(id) {
      for (;;) {
        const found = ended.get(id);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => waiting.set(id, resolve));
      }
    },
    watch: (tell) => void (watcher = tell),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** One request of whoever tries the demo. */
function ownRequest(demo: Demo, { id, path, trace, endedAtMs }: Seen): string {
  const { route, directReason } = trace;
  const why = directReason === undefined ? "" : ` (${directReason})`;
  return [
    `\nYour request ${id} (POST ${path}): ${route}${why}, ` +
    `${milliseconds(endedAtMs - trace.receivedAtMs)}`,
    ...pictureOf(demo, trace, endedAtMs),
  ].join("\n");
}

function pictureOf(demo: Demo, trace: RequestTrace, endedAtMs: number): readonly string[] {
  const picture = timeline({ trace, endedAtMs, nameOf: (url) => demo.names.get(url) ?? url });
  return picture.map((line) => `   ${line}`);
}

function decodeSpec({ url, initPorts, allocPorts }: SimEngine): string {
  return `${url};init=${initPorts.join(",")};alloc=${allocPorts.join(",")}`;
}

/** Any, where the router's own is. */
function adminPort(flags: ReadonlyMap<string, readonly string[]>): string {
  const isAny = flags.get("port")?.at(-1) === "0";
  return flags.get("admin-port")?.at(-1) ?? (isAny ? "0" : "8002");
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Send the requests one after the other and show each; true when all went right. */
async function showRequests(demo: Demo, ports: CliPorts): Promise<boolean> {
  const { out } = ports.stdio;
  const engines = [...demo.names].map(([url, name]) => `  ${name.padEnd(10)} ${url}`);
  await out.print(
    [
      `pd-router demo: ${RANKS} ranks on each engine, all simulated, real HTTP and ZeroMQ`,
      ...engines,
      `  router     ${demo.url}, KV-ready notifications on ${demo.app.notifications?.endpoint}`,
      `  live page  http://127.0.0.1:${demo.app.admin?.port}/`,
    ].join("\n"),
  );
  const problems: string[] = [];
  for (const [index, request] of REQUESTS.entries()) {
    const shown = await showRequest(demo, request, index, ports);
    await out.print(shown.text);
    problems.push(...shown.problems);
  }
  const count = (counter: "externalHits" | "recomputes" | "staleReads" | "heldKv"): number =>
    demo.decodes.reduce((sum, engine) => sum + engine.stats()[counter], 0);
  const moved = count("externalHits");
  const wrong = count("recomputes") + count("staleReads") + count("heldKv");
  if (moved !== REQUESTS.length || wrong > 0) problems.push("KV did not move as it should");
  await out.print(
    `\nKV moved from a prefill to a decode engine in ${moved} of ${REQUESTS.length} requests; ` +
      `recomputed ${count("recomputes")}, read too early ${count("staleReads")}, ` +
      `left behind ${count("heldKv")}.`,
  );
  for (const problem of problems) await ports.stdio.err.print(`pd-router: ${problem}`);
  return problems.length === 0;
}

async function showRequest(
  demo: Demo,
  request: DemoRequest,
  index: number,
  ports: CliPorts,
): Promise<{ readonly text: string; readonly problems: readonly string[] }> {
  const id = `demo-${index + 1}`;
  const began = ports.clock.now();
  const response = await fetch(demo.url + request.path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": id },
    body: JSON.stringify(request.body),
  });
  const answer = await readAnswer(response, () => ports.clock.now() - began);
  const { trace, endedAtMs } = await demo.traceOf(id);
  const problems: string[] = [];
  if (response.status !== 200) problems.push(`${id} was answered ${response.status}`);
  if (trace.route !== "handoff_p1") problems.push(`${id} took the route ${trace.route}`);
  if (answer.finishReason === undefined) problems.push(`${id} did not finish`);
  const usage = answer.usage === undefined
    ? ""
    : `, ${answer.usage.prompt_tokens} prompt + ${answer.usage.completion_tokens} answer tokens`;
  const text = [
    `\n${index + 1}. ${request.title} (POST ${request.path})`,
    ...pictureOf(demo, trace, endedAtMs),
    `   ${
      request.body["stream"] === true
        ? `first token after ${milliseconds(answer.firstTokenMs)}, `
        : ""
    }` +
    `all after ${milliseconds(endedAtMs - trace.receivedAtMs)}${usage}, ` +
    `finish_reason ${answer.finishReason}`,
    `   "${answer.text.length > 90 ? `${answer.text.slice(0, 90)}…` : answer.text}"`,
  ].join("\n");
  return { text, problems };
}

interface DemoAnswer {
  readonly text: string;
  readonly finishReason: string | undefined;
  readonly usage: { prompt_tokens: number; completion_tokens: number } | undefined;
  readonly firstTokenMs: number;
}

/** One chunk or one whole answer, as far as it is shown. */
interface Shown {
  readonly choices: readonly {
    readonly text?: string;
    readonly delta?: { readonly content?: string };
    readonly message?: { readonly content?: string };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: { prompt_tokens: number; completion_tokens: number };
}

/** Read a whole or streamed answer; `elapsed` gives the time since it was asked for. */
async function readAnswer(response: Response, elapsed: () => number): Promise<DemoAnswer> {
  const parts: Uint8Array[] = [];
  let firstTokenMs: number | undefined;
  for await (const part of response.body ?? []) {
    firstTokenMs ??= elapsed();
    parts.push(part);
  }
  const body = concatBytes(parts);
  const streamed = response.headers.get("content-type")?.startsWith("text/event-stream");
  const shown: Shown[] = (streamed ? eventsIn(body) : [body])
    .map((json) => JSON.parse(decodeUtf8(json)));
  const choices = shown.flatMap((chunk) => chunk.choices ?? []);
  return {
    text: choices.map((choice) =>
      choice.text ?? choice.delta?.content ?? choice.message?.content ?? ""
    ).join(""),
    finishReason: choices.findLast((choice) => choice.finish_reason)?.finish_reason ?? undefined,
    usage: shown.findLast((chunk) => chunk.usage)?.usage,
    firstTokenMs: firstTokenMs ?? elapsed(),
  };
}

/** The data of the events of a whole stream, without the one that ends it. */
function eventsIn(stream: Uint8Array): readonly Uint8Array[] {
  const decoder = new SseDecoder();
  decoder.push(stream);
  const events: Uint8Array[] = [];
  for (let data = decoder.next(); data !== undefined; data = decoder.next()) {
    if (!isDone(data)) events.push(data);
  }
  return events;
}

function invitation(demo: Demo): string {
  const body = JSON.stringify({
    model: MODEL,
    stream: true,
    max_tokens: 40,
    messages: [{ role: "user", content: "Hello" }],
  });
  return [
    "\nThe demo stays up and shows each of your requests. Try it, and end it with Ctrl-C:",
    `  curl -N ${demo.url}/v1/chat/completions -H 'content-type: application/json' -d '${body}'`,
    `  curl ${demo.url}/metrics`,
  ].join("\n");
}
