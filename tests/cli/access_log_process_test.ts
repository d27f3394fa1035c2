/** The access log of a real process: in a file that is renamed under it, and opened again on SIGHUP. */
import { decodeUtf8 } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { MODEL, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { post } from "../support/router.ts";

const ROOT = new URL("../../", import.meta.url);
/** Far above what a start takes; a hang must not last for ever. */
const DEADLINE_MS = 60_000;

interface Process extends AsyncDisposable {
  readonly url: () => string;
  readonly text: () => string;
  readonly child: Deno.ChildProcess;
}

function start(args: readonly string[], permissions: readonly string[]): Process {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "--no-prompt"],
      ...permissions,
      ...["main.ts", "--host=127.0.0.1", "--port=0", ...args],
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(DEADLINE_MS),
  }).spawn();
  let text = "";
  const read = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    for await (const bytes of stream) text += decodeUtf8(bytes);
  };
  const ended = Promise.all([read(child.stdout), read(child.stderr), child.status]);
  return {
    child,
    url: () => /Serving on (http:\S+)/.exec(text)?.[1] ?? "",
    text: () => text,
    async [Symbol.asyncDispose](): Promise<void> {
      try {
        child.kill("SIGKILL");
      } catch (error) {
        // It has ended.
        if (!(error instanceof TypeError)) throw error;
      }
      await ended;
    },
  };
}

/** What one process is started with. */
const LEAST = [
  ...["--allow-net", "--allow-read=/dev/null", "--ignore-env"],
  "--allow-env=PD_ROUTER_*,VLLM_API_KEY,VLLM_FEATURE_GATES,OTEL_*",
];

async function send(router: Process, id: string): Promise<void> {
  const answer = await post(
    `${router.url()}/v1/completions`,
    { model: MODEL, prompt: "secret words", max_tokens: 3 },
    { headers: { "x-request-id": id } },
  );
  assertEquals(answer.status, 200);
  await answer.body?.cancel();
}

async function idsIn(file: string): Promise<readonly string[]> {
  const lines = (await Deno.readTextFile(file)).split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line).id);
}

Deno.test("main.ts --access-log-file appends a line for each request, and opens the file again on SIGHUP", async () => {
  await using engine = await startSim({ role: "any" });
  const folder = await Deno.makeTempDir();
  try {
    const [file, old] = [`${folder}/access.log`, `${folder}/access.log.1`];
    await Deno.writeTextFile(file, '{"id":"before"}\n');
    const args = [
      ...["--routing-logic=roundrobin", `--static-backends=${engine.url}`],
      ...[`--static-models=${MODEL}`, "--access-log", "all", "--access-log-file", file],
    ];
    await using router = start(args, [...LEAST, `--allow-write=${file}`]);
    await eventually(() => router.url() !== "", router.text, DEADLINE_MS);
    await send(router, "one");
    // A look at the router itself has no line.
    await (await fetch(`${router.url()}/health`)).body?.cancel();
    await send(router, "two");
    await eventually(async () => (await idsIn(file)).length === 3, router.text);
    await Deno.rename(file, old);
    await send(router, "three");
    await eventually(async () => (await idsIn(old)).length === 4, router.text);
    router.child.kill("SIGHUP");
    await eventually(() => router.text().includes("SIGHUP"), router.text);
    await send(router, "four");
    await eventually(async () => {
      // Until the next line goes out, there is no file.
      const there = await Deno.stat(file).then(() => true, () => false);
      return there && (await idsIn(file)).length === 1;
    }, router.text);
    assertEquals(await idsIn(old), ["before", "one", "two", "three"]);
    assertEquals(await idsIn(file), ["four"]);
    const text = await Deno.readTextFile(old);
    assert(!text.includes("secret"), text);
    assertStringIncludes(text, '"route":"direct"');
    router.child.kill("SIGTERM");
    assertEquals((await router.child.status).code, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("main.ts --access-log writes to standard output, and does not start where its file cannot be written", async () => {
  await using engine = await startSim({ role: "any" });
  const args = [
    ...["--routing-logic=roundrobin", `--static-backends=${engine.url}`],
    ...[`--static-models=${MODEL}`, "--access-log", "--access-log-format=text"],
  ];
  await using router = start(args, LEAST);
  await eventually(() => router.url() !== "", router.text, DEADLINE_MS);
  await send(router, "mine");
  await eventually(
    () => /^time=\S+ id=mine client=127\.0\.0\.1 /m.test(router.text()),
    router.text,
  );
  await using refused = start([...args, "--access-log-file=/nowhere/a.log"], LEAST);
  assertEquals((await refused.child.status).code, 2);
  await eventually(() => refused.text().includes("--access-log-file /nowhere/a.log"), refused.text);
});

Deno.test("main.ts --workers has the lines of all workers in one file, and each opens it again on SIGHUP", async () => {
  await using engine = await startSim({ role: "any" });
  const folder = await Deno.makeTempDir();
  try {
    const [file, old] = [`${folder}/access.log`, `${folder}/access.log.1`];
    const args = [
      ...["--routing-logic=roundrobin", `--static-backends=${engine.url}`, "--workers=2"],
      ...[`--static-models=${MODEL}`, "--access-log", "all", "--access-log-file", file],
    ];
    await using router = await start(args, ["--allow-all"]);
    await eventually(() => router.url() !== "", router.text, DEADLINE_MS);
    const ids = Array.from({ length: 12 }, (_, index) => `r${index}`);
    for (const id of ids) await send(router, id);
    await eventually(async () => (await idsIn(file)).length === ids.length, router.text);
    assertEquals((await idsIn(file)).toSorted(), ids.toSorted());
    await Deno.rename(file, old);
    router.child.kill("SIGHUP");
    const again = (): number =>
      router.text().match(/SIGHUP: the configuration is read again .*worker=/g)?.length ?? 0;
    await eventually(() => again() === 2, router.text);
    await send(router, "behind");
    await eventually(async () => {
      // Until the next line goes out, there is no file.
      const there = await Deno.stat(file).then(() => true, () => false);
      return there && (await idsIn(file)).includes("behind");
    }, router.text);
    router.child.kill("SIGTERM");
    assertEquals((await router.child.status).code, 0, router.text());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
