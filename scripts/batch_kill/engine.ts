/** A simulated engine that remembers which requests came, and in which life of the router. @module */
import { type Random, sleep, systemClock } from "../../lib/base/mod.ts";
import { MODEL, startSim } from "../../tests/support/cluster.ts";

/** What the engine was asked. */
export interface RecordingEngine extends AsyncDisposable {
  readonly url: string;
  /** How often each request came in the life at hand, by the text that it asks with. */
  readonly asked: ReadonlyMap<string, number>;
  /** Begin another life. */
  forget(): void;
}

/** Longest answer of the engine, in milliseconds: requests are under way at most moments. */
const SLOWEST_MS = 60;

/** Start one. */
export async function startRecording(random: Random): Promise<RecordingEngine> {
  const engine = await startSim({ role: "any" });
  const asked = new Map<string, number>();
  const handle = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    const body = request.method === "POST" ? await request.text() : undefined;
    if (body !== undefined) {
      const text = JSON.parse(body).messages[0].content;
      asked.set(text, (asked.get(text) ?? 0) + 1);
      await sleep(systemClock(), random.next() * SLOWEST_MS, request.signal);
    }
    const headers = { "content-type": "application/json" };
    const { method } = request;
    return await fetch(engine.url + pathname, { method, headers, ...(body ? { body } : {}) });
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handle);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    forget: () => asked.clear(),
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await engine[Symbol.asyncDispose]();
    },
  };
}

/** The body of a request that can be told from every other. */
export function bodyOf(text: string): Record<string, unknown> {
  return { model: MODEL, messages: [{ role: "user", content: text }], max_tokens: 4 };
}
