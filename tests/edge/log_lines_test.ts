import { assert, assertEquals } from "../support/assert.ts";
import { freePort, MODEL, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { post } from "../support/router.ts";
import { startScripted } from "../support/scripted_engine.ts";

const ROOT = new URL("../../", import.meta.url);
/** Far above what it takes; a hang must not last for ever. */
const DEADLINE_MS = 60_000;

/** The router as a program of its own, with what the task `start` grants. */
function startProgram(args: readonly string[], out: string): Deno.ChildProcess {
  const permissions = [
    "--no-prompt",
    "--allow-net",
    "--allow-read",
    "--allow-env=PD_ROUTER_*,VLLM_API_KEY,VLLM_FEATURE_GATES,OPENAI_API_KEY,ANTHROPIC_API_KEY,OTEL_*",
  ];
  const run = [
    "run",
    "--quiet",
    "--no-check",
    ...permissions,
    "main.ts",
    "--host=127.0.0.1",
    ...args,
  ];
  return new Deno.Command("sh", {
    args: ["-c", `exec "$0" "$@" ${out}`, Deno.execPath(), ...run],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    signal: AbortSignal.timeout(DEADLINE_MS),
  }).spawn();
}

/** A router that logs to a file, and how often a request's id stands in a routing line there. */
async function withFile(
  args: readonly string[],
  run: (url: string, routed: (id: string) => number) => Promise<void>,
): Promise<void> {
  const file = await Deno.makeTempFile({ suffix: ".log" });
  const port = freePort();
  const child = startProgram([`--port=${port}`, ...args], `> '${file}'`);
  try {
    const log = (): string => Deno.readTextFileSync(file);
    await eventually(() => log().includes("Serving on"), log, 30_000);
    await run(
      `http://127.0.0.1:${port}`,
      (id) => log().split(`Routing request ${id} with session id`).length - 1,
    );
  } finally {
    child.kill("SIGTERM");
    await child.status;
    await child.stdout.cancel();
    await Deno.remove(file);
  }
}

Deno.test("the routing lines of an answer are in the file when the client has it", async () => {
  await using prefill = startScripted(() =>
    Response.json({ choices: [{ index: 0, text: "a", finish_reason: "length" }] })
  );
  await using decode = startScripted(() => Response.json({ choices: [] }));
  const args = [
    `--prefill=${prefill.url};model=m`,
    `--decode=${decode.url};model=m`,
    "--kv-protocol=shared_storage",
  ];
  await withFile(args, async (url, routed) => {
    const lines: number[] = [];
    for (let count = 0; count < 30; count++) {
      const headers = { "x-request-id": `r${count}` };
      // An answer of two legs, and one of an engine alone.
      const more = count % 2 === 0 ? {} : { suffix: "x" };
      const answer = await post(`${url}/v1/completions`, { model: "m", prompt: "a", ...more }, {
        headers,
      });
      await answer.body?.cancel();
      lines.push(routed(`r${count}`));
    }
    assertEquals(lines, Array.from({ length: 30 }, (_, count) => count % 2 === 0 ? 2 : 1));
  });
});

Deno.test("the line of a decode leg behind the first token is in the file when the stream ends", async () => {
  const proxyPort = freePort();
  await using decode = await startSim({ role: "decode", ranks: 1 });
  await using prefill = await startSim({
    role: "prefill",
    ranks: 1,
    proxyHost: "127.0.0.1",
    proxyPort,
  });
  const args = [
    `--prefill=${prefill.url};model=${MODEL}`,
    `--decode=${decode.url};model=${MODEL};init=${decode.initPorts};alloc=${decode.allocPorts}`,
    "--nixl-proxy-host=127.0.0.1",
    `--nixl-proxy-port=${proxyPort}`,
  ];
  await withFile(args, async (url, routed) => {
    for (let count = 0; count < 10; count++) {
      const headers = { "x-request-id": `r${count}` };
      const ask = { model: MODEL, prompt: "Tell me about the river.", max_tokens: 3, stream: true };
      const answer = await post(`${url}/v1/completions`, ask, { headers });
      assert((await answer.text()).endsWith("data: [DONE]\n\n"));
      assertEquals(routed(`r${count}`), 2);
    }
  });
});

Deno.test("a reader of the log that has stalled does not stop the router", async () => {
  await using engine = startScripted(() => Response.json({ choices: [] }));
  const port = freePort();
  const args = [`--decode=${engine.url};model=m`, "--routing-logic=roundrobin", `--port=${port}`];
  const child = startProgram(args, "");
  const url = `http://127.0.0.1:${port}`;
  const isUp = (): Promise<boolean> => fetch(`${url}/health`).then(ended, () => false);
  await eventually(isUp, () => "the start", 30_000);
  // A pipe takes 64 KiB; each line is more than 500 bytes.
  const id = "x".repeat(500);
  for (let count = 0; count < 300; count++) {
    const answer = await post(`${url}/v1/completions`, { model: "m", prompt: "a" }, {
      headers: { "x-request-id": `${id}${count}` },
    });
    assertEquals([answer.status, await ended(answer)], [200, true]);
  }
  // Whoever reads on finds what was logged meanwhile.
  const text = new Response(child.stdout).text();
  child.kill("SIGTERM");
  await child.status;
  assertEquals((await text).split("Routing request").length, 301);
});

async function ended(answer: Response): Promise<boolean> {
  await answer.body?.cancel();
  return true;
}
