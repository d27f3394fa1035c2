import { createLogger } from "../lib/base/mod.ts";
import { assertEquals, assertStringIncludes } from "./support/assert.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { MODEL, startSim } from "./support/cluster.ts";
import { eventually } from "./support/eventually.ts";
import { engineAt, post, startRouter } from "./support/router.ts";

async function readyStatus(url: string): Promise<number> {
  const response = await fetch(`${url}/ready`);
  await response.body?.cancel();
  return response.status;
}

Deno.test("healthFirst() has an engine shut that says that it cannot serve, and the log says why", async () => {
  await using engine = await startSim({ role: "any" });
  engine.faults.unhealthy = true;
  const lines: string[] = [];
  const log_ = createLogger(new FakeClock(), (line) => void lines.push(line), {
    level: "info",
    format: "text",
  });
  await using router = await startRouter([engineAt(engine.url, "any", { models: [MODEL] })], {
    log_,
  });
  assertEquals(await readyStatus(router.url), 503);
  const said = lines.find((line) => line.includes("Cannot read an engine's models")) ?? "";
  assertStringIncludes(said, `Engine ${engine.url} answered /health with status 503`);
  engine.faults.unhealthy = false;
  await eventually(async () => await readyStatus(router.url) === 200, () => lines.join("\n"));
  const answer = await post(`${router.url}/v1/completions`, { model: MODEL, prompt: "x" });
  await answer.body?.cancel();
  assertEquals(answer.status, 200);
});

Deno.test("healthFirst() takes an engine without /health, or with a slow one, by its models", async () => {
  for (const kind of ["none", "no method", "slow"] as const) {
    const end = Promise.withResolvers<void>();
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (at) => {
        if (new URL(at.url).pathname === "/health") {
          if (kind === "slow") await end.promise;
          return new Response(null, { status: kind === "none" ? 404 : 405 });
        }
        return Response.json({ object: "list", data: [{ id: "m", object: "model" }] });
      },
    );
    try {
      await using router = await startRouter([
        engineAt(`http://127.0.0.1:${server.addr.port}`, "any"),
      ]);
      assertEquals([kind, await readyStatus(router.url)], [kind, 200]);
    } finally {
      end.resolve();
      await server.shutdown();
    }
  }
});
