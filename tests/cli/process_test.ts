import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";

const ROOT = new URL("../../", import.meta.url);
/** Far above what a start takes; a hang must not last for ever. */
const DEADLINE_MS = 30_000;
const PAIR = ["--prefill", "http://127.0.0.1:9", "--decode", "http://127.0.0.2:9"];

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function command(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  permissions: readonly string[] = ["--allow-all"],
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", ...permissions, new URL(script, ROOT).pathname, ...args],
    cwd: ROOT,
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
}

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const { code, stdout, stderr } = await command("main.ts", args, env).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test("main.ts --version prints one line and ends with 0", async () => {
  const { code, out, err } = await run(["--version"]);
  assertEquals([code, err], [0, ""]);
  assertMatch(out, /^pd-router \d+\.\d+\.\d+\n$/);
});

Deno.test("main.ts --help prints the flags and ends with 0", async () => {
  const { code, out, err } = await run(["--help"]);
  assertEquals([code, err], [0, ""]);
  assertStringIncludes(out, "Quick start:");
  assertStringIncludes(out, "--nixl-proxy-port INT");
});

Deno.test("main.ts check takes flags, environment and file, and ends with 0", async () => {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(path, "nixl_proxy_port: 7600\nlog_level: error\n");
    const { code, out, err } = await run(
      ["check", ...PAIR, "--config", path],
      { PD_ROUTER_LOG_LEVEL: "debug", VLLM_API_KEY: "hush" },
    );
    assertEquals([code, err], [0, ""]);
    assertMatch(out, /^ {2}nixl-proxy-port +7600 +file$/m);
    assertMatch(out, /^ {2}log-level +debug +environment/m);
    assertStringIncludes(out, "No problems");
    assert(!out.includes("hush"));
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("main.ts check ends with 1 when there are problems", async () => {
  const { code, out } = await run(["check", ...PAIR, "--port", "x", "--config", "/"]);
  assertEquals(code, 1);
  assertStringIncludes(out, '--port "x": expected an integer');
  assertStringIncludes(out, "/: Cannot read the file: it is a directory");
});

Deno.test("main.ts ends with 2 on an unknown flag or command, and says which", async () => {
  const flag = await run([...PAIR, "--prot", "1"]);
  assertEquals([flag.code, flag.out], [2, ""]);
  assertStringIncludes(flag.err, "--prot: unknown flag; did you mean --port?");
  const command = await run(["serv"]);
  assertEquals([command.code, command.out], [2, ""]);
  assertStringIncludes(command.err, "serv: unknown command");
});

Deno.test("main.ts ends with 1 and one line when its address is taken", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const { code, err } = await run([
    "--decode=http://127.0.0.1:9",
    "--routing-logic=roundrobin",
    "--host=127.0.0.1",
    `--port=${port}`,
    "--log-level=error",
  ]);
  assertEquals(code, 1, err);
  assertMatch(err, /^pd-router: Cannot start: [^\n]+\n$/);
});

/** What the task `start` grants. */
const START = [
  "--no-prompt",
  "--allow-net",
  "--allow-read",
  "--allow-env=PD_ROUTER_*,VLLM_API_KEY,VLLM_FEATURE_GATES,OPENAI_API_KEY,ANTHROPIC_API_KEY,OTEL_*",
];

Deno.test("main.ts --nixl-proxy-socket zeromq ends with 1 and one line without --allow-ffi", async () => {
  const args = [...PAIR, "--nixl-proxy-socket", "zeromq", "--log-level", "error"];
  const child = command("main.ts", args, {}, START);
  const { code, stderr } = await child.output();
  assertEquals([code, new TextDecoder().decode(stderr)], [
    1,
    "pd-router: Cannot start: Cannot load the ZeroMQ addon: the permission is missing (start with " +
    "--allow-ffi, or use --nixl-proxy-socket builtin)\n",
  ]);
});

interface HangingEngine extends AsyncDisposable {
  readonly port: number;
}

/** An engine with one model, whose answers come when it is disposed. */
function hangingEngine(): HangingEngine {
  const end = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (req) => {
    if (req.method === "POST") await end.promise;
    return Response.json({ object: "list", data: [{ id: "m", object: "model" }] });
  });
  return {
    port: server.addr.port,
    async [Symbol.asyncDispose](): Promise<void> {
      end.resolve();
      await server.shutdown();
    },
  };
}

/** A router in front of `engine`, and its lines of standard output as they come. */
function spawnRouter(engine: HangingEngine, more: readonly string[] = []): {
  readonly child: Deno.ChildProcess;
  readonly until: (pattern: RegExp) => Promise<string>;
} {
  const child = command("main.ts", [
    `--decode=http://127.0.0.1:${engine.port};model=m`,
    "--routing-logic=roundrobin",
    "--host=127.0.0.1",
    "--port=0",
    ...more,
  ]).spawn();
  const chunks = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const until = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const found = pattern.exec(text);
      if (found !== null) return found[1] ?? "";
      const { done, value } = await chunks.read();
      if (done) throw new Error(`${pattern} was not written: ${text}`);
      text += value;
    }
  };
  return { child, until };
}

Deno.test("main.ts serves until SIGTERM, drains, and ends with 0", async () => {
  await using engine = hangingEngine();
  const { child, until } = spawnRouter(engine);
  const url = await until(/Serving on (http:\S+)/);
  const health = await fetch(`${url}/health`);
  await health.body?.cancel();
  child.kill("SIGTERM");
  await until(/(SIGTERM: draining)/);
  await until(/(Stopped after)/);
  const err = await new Response(child.stderr).text();
  assertEquals([(await child.status).code, err], [0, ""]);
});

Deno.test("main.ts engines drains an engine of a running router while it answers, and adds another", async () => {
  const engine = hangingEngine();
  const { child, until } = spawnRouter(engine, ["--admin-listen=127.0.0.1:0"]);
  const url = await until(/Serving on (http:\S+)/);
  const admin = `--admin=${await until(/Admin API on (http:\S+)/)}`;
  const answer = fetch(`${url}/v1/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "m", prompt: "a" }),
  });
  await until(/(Routing request)/);
  const id = `127.0.0.1:${engine.port}`;
  const early = await run(["engines", "drain", id, admin, "--timeout=0"]);
  assertEquals([early.code, early.out], [3, `${id}: draining, 1 in flight\n`]);
  const draining = run(["engines", "drain", id, admin]);
  await engine[Symbol.asyncDispose]();
  const { status, body } = await answer;
  await body?.cancel();
  assertEquals(status, 200);
  const done = await draining;
  assertEquals([done.code, done.err], [0, ""]);
  assertMatch(done.out, /: drained, 0 in flight\n$/);
  const added = await run(["engines", "add", "http://127.0.0.2:9", "--model=m", admin]);
  assertEquals([added.code, added.out], [0, "127.0.0.2:9: added, role any\n"]);
  const { out } = await run(["engines", "list", admin]);
  assertMatch(out, new RegExp(`^${id} +decode +drained +0 +configuration +m$`, "m"));
  assertMatch(out, /^127\.0\.0\.2:9 +any +\w+ +0 +admin +m$/m);
  child.kill("SIGTERM");
  await until(/(Stopped after)/);
  // Of the engines that are not there, the log has told.
  await child.stderr.cancel();
  assertEquals((await child.status).code, 0);
});

Deno.test("main.ts ends at once with 130 on a second signal", async () => {
  await using engine = hangingEngine();
  const { child, until } = spawnRouter(engine);
  const url = await until(/Serving on (http:\S+)/);
  const request = fetch(`${url}/v1/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "m", prompt: "a" }),
  }).then(() => "answered", () => "failed");
  // The request must be in flight, or there is nothing to wait for.
  await until(/(Routing request)/);
  child.kill("SIGTERM");
  await until(/(SIGTERM: draining)/);
  child.kill("SIGTERM");
  const { code } = await child.status;
  assertEquals([code, await request], [130, "failed"]);
  await child.stderr.cancel();
});

Deno.test("a process that writes to a pipe nobody reads goes on, and ends", async () => {
  const child = command("tests/cli/flood.ts", []).spawn();
  // Standard output is not read before the process has ended.
  const err = await new Response(child.stderr).text();
  const { code } = await child.status;
  await child.stdout.cancel();
  assertEquals([code, err], [0, "50 turns, timed-out\n"]);
});

Deno.test("a process whose reader has gone away goes on, and ends", async () => {
  const child = command("tests/cli/flood.ts", []).spawn();
  await child.stdout.cancel();
  const err = await new Response(child.stderr).text();
  assertEquals([(await child.status).code, err], [0, "50 turns, ready\n"]);
});
