/** What clients get whose answers have not ended when the drain has: on real sockets, all endpoints. */
import type { Mode } from "../../lib/base/mod.ts";
import { noFaults } from "../../lib/sim/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { MODEL, startCluster } from "../support/cluster.ts";
import { post } from "../support/router.ts";

/** A request to each endpoint of streams. */
const ASKS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "/v1/completions": { prompt: "Tell me of the river" },
  "/v1/chat/completions": { messages: [{ role: "user", content: "Tell me of the river" }] },
  "/v1/responses": { input: "Tell me of the river" },
  "/v1/messages": { messages: [{ role: "user", content: "Tell me of the river" }], max_tokens: 30 },
};

/** The last event of a stream's text, as its name and its data. */
function lastEvent(text: string): readonly [name: string | undefined, data: unknown] {
  const last = text.trimEnd().split("\n\n").at(-1) ?? "";
  const name = /^event: (.*)$/m.exec(last)?.[1];
  return [name, JSON.parse(/^data: (.*)$/m.exec(last)?.[1] ?? "null")];
}

/** Read until an engine has stalled, so that nothing more comes by itself. */
async function begun(response: Response): Promise<() => Promise<string>> {
  assertEquals(response.status, 200);
  const reader = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())
    .getReader();
  let text = (await reader.read()).value ?? "";
  return async () => {
    for (;;) {
      const { done, value = "" } = await reader.read();
      if (done) return text;
      text += value;
    }
  };
}

for (const mode of ["p1", "d1", "direct"] as const) {
  Deno.test(`drain() at its end tells streams in ${mode} in one error event of their endpoint`, async () => {
    const modes: readonly Mode[] = [mode === "d1" ? "d1" : "p1"];
    await using cluster = await startCluster({
      prefills: mode === "direct" ? 0 : 1,
      modes,
      decode: { faults: { ...noFaults(), hangMidStream: true, hangAfterEvents: 8 } },
    });
    const reads = new Map<string, () => Promise<string>>();
    for (const [path, ask] of Object.entries(ASKS)) {
      const body = { model: MODEL, max_tokens: 30, stream: true, ...ask };
      reads.set(path, await begun(await post(`${cluster.url}${path}`, body)));
    }
    cluster.router.app.retire();
    await cluster.router.app.drain(100);
    await cluster.router[Symbol.asyncDispose]();
    for (const [path, read] of reads) {
      const text = await read();
      const [name, data] = lastEvent(text);
      const told = data as { readonly type?: unknown; readonly error?: Record<string, unknown> };
      assert(!text.includes("[DONE]"), `${path}: ${text}`);
      assertEquals(text.match(/"error":/g)?.length, 1, text);
      const named = path === "/v1/responses" || path === "/v1/messages";
      assertEquals(name, named ? "error" : undefined, path);
      assert(String(told.error?.["message"]).includes("shutting down"), `${path}: ${text}`);
    }
  });
}
