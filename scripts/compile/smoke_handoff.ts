/** The smoke step that serves: two simulated engines, the router, one handoff. @module */
import { z } from "zod";
import type { ProxySocket } from "../../lib/config/mod.ts";
import type { Running, SmokeHost } from "./smoke_host.ts";

const READY_MS = 30_000;
const ANSWER_MS = 30_000;
const HOST = "127.0.0.1";
const RANKS = 2;

const ENGINES = z.array(z.object({ serving_models: z.array(z.string()) }));
const CHUNK = z.object({
  object: z.literal("chat.completion.chunk"),
  choices: z.array(z.object({
    delta: z.object({ content: z.string().nullish() }),
    finish_reason: z.string().nullish(),
  })),
});
const STATS = z.object({
  decodes: z.number(),
  externalHits: z.number(),
  partialHits: z.number(),
  recomputes: z.number(),
  heldKv: z.number(),
});

/** Complete one streamed chat through a router with that socket, of so many processes; resolves to what was seen. */
export async function checkHandoff(
  host: SmokeHost,
  socket: ProxySocket,
  workers = 1,
): Promise<string> {
  const [prefill = 0, decode = 0, port = 0, proxy = 0, admin = 0, ...receiver] = freePorts(
    5 + 2 * RANKS,
  );
  const init = receiver.slice(0, RANKS);
  const alloc = receiver.slice(RANKS);
  const engine = (role: string, at: number, ...more: readonly string[]): Running =>
    host.start([
      ...["sim", "--role", role, "--host", HOST, "--port", `${at}`, "--ranks", `${RANKS}`],
      ...more,
    ]);
  await using prefillEngine = engine(
    "prefill",
    prefill,
    ...["--proxy-host", HOST, "--proxy-port", `${proxy}`],
  );
  await using decodeEngine = engine(
    "decode",
    decode,
    ...init.flatMap((own) => ["--init-port", `${own}`]),
    ...alloc.flatMap((own) => ["--alloc-port", `${own}`]),
  );
  await using router = host.start([
    ...["--prefill", `http://${HOST}:${prefill}`],
    ...["--decode", `http://${HOST}:${decode};init=${init.join(",")};alloc=${alloc.join(",")}`],
    ...["--host", HOST, "--port", `${port}`],
    ...["--nixl-proxy-host", HOST, "--nixl-proxy-port", `${proxy}`],
    ...["--nixl-proxy-socket", socket, "--workers", `${workers}`],
    ...["--admin-listen", `${HOST}:${admin}`],
  ]);
  const url = `http://${HOST}:${port}`;
  const text = await chat(url, await modelOfAll(url, [prefillEngine, decodeEngine, router]));
  await expectHandoff(url);
  if (workers > 1) await expectWorkers(url, workers);
  await expectKv(`http://${HOST}:${decode}`);
  await expectPage(`http://${HOST}:${admin}`);
  for (const program of [router, prefillEngine, decodeEngine]) await program.stop();
  return JSON.stringify(text);
}

/** Wait until the router knows what both engines serve; resolves to the model. */
async function modelOfAll(url: string, programs: readonly Running[]): Promise<string> {
  const deadline = performance.now() + READY_MS;
  while (performance.now() < deadline) {
    for (const program of programs) if (program.ended) await program.stop();
    const engines = await enginesOf(url);
    const [model] = engines.flatMap((engine) => engine.serving_models);
    if (model !== undefined && engines.every((engine) => engine.serving_models.includes(model))) {
      return model;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Cannot find a model that both engines serve in ${READY_MS / 1000} s`);
}

/** The page is within the program. */
async function expectPage(url: string): Promise<void> {
  for (const path of ["/", "/page/main.js", "/page/base.css"]) {
    const answer = await fetch(url + path);
    const { length } = await answer.text();
    if (answer.status !== 200 || length === 0) {
      throw new Error(
        `Cannot see ${path} of the page: status ${answer.status}, ${length} characters`,
      );
    }
  }
}

/** Wait until all that were asked for serve: one does before the others. */
async function expectWorkers(url: string, count: number): Promise<void> {
  const line = `pd_router_workers{state="serving"} ${count}`;
  const deadline = performance.now() + READY_MS;
  while (performance.now() < deadline) {
    if ((await (await fetch(`${url}/metrics`)).text()).includes(line)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Cannot find ${line} in /metrics in ${READY_MS / 1000} s`);
}

/** What `GET /engines` says; nothing before the router listens. */
async function enginesOf(url: string): Promise<z.infer<typeof ENGINES>> {
  try {
    const response = await fetch(`${url}/engines`, { signal: AbortSignal.timeout(5000) });
    return ENGINES.parse(await response.json());
  } catch (error) {
    if (error instanceof TypeError) return [];
    throw error;
  }
}

async function chat(url: string, model: string): Promise<string> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model,
      messages: [{
        role: "user",
        content: "Say what moved from one engine to another. ".repeat(40),
      }],
      max_tokens: 16,
      stream: true,
    }),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const body = await response.text();
  if (!response.ok) throw new Error(`Cannot complete a chat: ${response.status} ${body}`);
  const events = body.split("\n\n").filter((event) => event !== "");
  if (events.at(-1) !== "data: [DONE]") throw new Error(`Cannot find the stream's end: ${body}`);
  const choices = events.slice(0, -1).flatMap((event) =>
    CHUNK.parse(JSON.parse(event.replace(/^data: /, ""))).choices
  );
  const text = choices.map((choice) => choice.delta.content ?? "").join("");
  const finished = choices.some((choice) => typeof choice.finish_reason === "string");
  if (text === "" || !finished) throw new Error(`Cannot find a whole answer: ${body}`);
  return text;
}

/** The router's own count: one handoff, its KV-ready notifications all seen. */
async function expectHandoff(url: string): Promise<void> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) });
  const text = await response.text();
  for (
    const wanted of [
      /^pd_router_requests_total\{[^}]*route="handoff_\w+"[^}]*\} 1$/m,
      /^pd_router_kv_wait_seconds_count\{end="ready"\} 1$/m,
    ]
  ) {
    if (!wanted.test(text)) throw new Error(`Cannot find ${wanted} in /metrics:\n${text}`);
  }
}

/** The decode engine's count: it found all KV it looked up, and keeps none. */
async function expectKv(url: string): Promise<void> {
  const signal = AbortSignal.timeout(ANSWER_MS);
  const stats = STATS.parse(await (await fetch(`${url}/sim/stats`, { signal })).json());
  const wanted = { decodes: 1, externalHits: 1, partialHits: 0, recomputes: 0, heldKv: 0 };
  if (JSON.stringify(stats) === JSON.stringify(wanted)) return;
  throw new Error(`Cannot see that KV was used: the decode engine counts ${JSON.stringify(stats)}`);
}

/** `count` ports that were free a moment ago, all different. */
export function freePorts(count: number): readonly number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: HOST, port: 0 }));
  const ports = listeners.map((listener) => listener.addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}
