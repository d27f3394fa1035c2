import { systemClock } from "../../lib/base/mod.ts";
import { dispatch } from "../../lib/cli/dispatch.ts";
import type { CliPorts } from "../../lib/cli/ports.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { post } from "../support/router.ts";
import { fakeProcess } from "./support.ts";

const HERE = ["--host", "127.0.0.1", "--port", "0"];

/** What a served router is asked, and what it has written at its end. */
async function served(
  argv: readonly string[],
  files: Readonly<Record<string, string>>,
  ask: (url: string) => Promise<void>,
  importModule?: CliPorts["importModule"],
): Promise<string> {
  const { ports, out, err, signals } = fakeProcess({}, files);
  const hooks = importModule === undefined ? {} : { importModule };
  const running = dispatch([...argv, ...HERE], { ...ports, ...hooks, clock: systemClock() });
  const url = (): string => /Serving on (http:\S+)/.exec(out.text)?.[1] ?? "";
  await eventually(() => url() !== "", () => `${out.text}${err.text}`);
  try {
    await ask(url());
  } finally {
    signals.send("SIGTERM");
    assertEquals(await running, 0);
  }
  return err.text;
}

Deno.test("pd-router serves by a dynamic file alone, and tells it in /health", async () => {
  await using engine = await startSim({ role: "any" });
  const dynamic = {
    service_discovery: "static",
    routing_logic: "roundrobin",
    static_backends: engine.url,
    static_models: "sim-model",
  };
  const files = { "d.json": JSON.stringify(dynamic) };
  await served(["--dynamic-config-json", "d.json"], files, async (url) => {
    const answer = await post(`${url}/v1/completions`, { model: "sim-model", prompt: "p" });
    assertEquals(answer.status, 200);
    await answer.body?.cancel();
    const { static_backends: _hidden, ...told } = dynamic;
    assertEquals(await (await fetch(`${url}/health`)).json(), {
      status: "healthy",
      dynamic_config: {
        service_discovery: told.service_discovery,
        static_models: told.static_models,
        routing_logic: told.routing_logic,
      },
    });
  });
});

Deno.test("pd-router loads hooks before it serves, and does not start without them", async () => {
  await using engine = await startSim({ role: "any" });
  const argv = ["--routing-logic=roundrobin", "--static-models=sim-model", "--callbacks=h.ts:it"];
  const given = [...argv, `--static-backends=${engine.url}`];
  const importModule = (file: string): Promise<unknown> =>
    Promise.resolve({ it: { preRequest: () => new Response(file, { status: 418 }) } });
  await served(given, {}, async (url) => {
    const answer = await post(`${url}/v1/completions`, { model: "sim-model", prompt: "p" });
    assertEquals([answer.status, await answer.text()], [418, "h.ts"]);
  }, importModule);
  const { ports, err } = fakeProcess();
  assertEquals(await dispatch(given, ports), 2);
  assertStringIncludes(err.text, "pd-router: --callbacks: cannot import h.ts: Module not found");
});
