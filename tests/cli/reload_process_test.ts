import { decodeUtf8 } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { MODEL, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { post } from "../support/router.ts";

const ROOT = new URL("../../", import.meta.url);
/** Far above what a start takes; a hang must not last for ever. */
const DEADLINE_MS = 60_000;

interface Process extends AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly url: () => string;
  readonly text: () => string;
}

/** The program with permission for `file` and no other. */
async function start(file: string, args: readonly string[]): Promise<Process> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "--no-prompt", "--allow-net", `--allow-read=${file},/dev/null`],
      "--ignore-env",
      "--allow-env=PD_ROUTER_*,VLLM_API_KEY,VLLM_FEATURE_GATES,OPENAI_API_KEY,ANTHROPIC_API_KEY,OTEL_*",
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
  const url = (): string => /Serving on (http:\S+)/.exec(text)?.[1] ?? "";
  await eventually(() => url() !== "", () => `no start: ${text}`, DEADLINE_MS);
  return {
    child,
    url,
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

async function folder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

function configOf(url: string, more = ""): string {
  return `routing_logic: roundrobin\nstatic_backends: ${url}\nstatic_models: ${MODEL}\n${more}`;
}

async function serves({ url }: Process, model: string): Promise<boolean> {
  const answer = await post(`${url()}/v1/completions`, { model, prompt: "a", max_tokens: 1 });
  await answer.body?.cancel();
  return answer.status === 200;
}

Deno.test("main.ts takes a ConfigMap whose link is exchanged, a file that is replaced, and one that is back", async () => {
  await using engine = await startSim({ role: "any" });
  await using dir = await folder();
  const mount = async (name: string, text: string): Promise<void> => {
    await Deno.mkdir(`${dir.path}/${name}`);
    await Deno.writeTextFile(`${dir.path}/${name}/pd.yaml`, text);
    await Deno.symlink(name, `${dir.path}/..data_tmp`);
    await Deno.rename(`${dir.path}/..data_tmp`, `${dir.path}/..data`);
  };
  const file = `${dir.path}/pd.yaml`;
  await mount("..one", configOf(engine.url));
  await Deno.symlink("..data/pd.yaml", file);
  await using router = await start(file, ["--config", file, "--reload-interval=0.1"]);
  assertEquals([await serves(router, MODEL), await serves(router, "linked")], [true, false]);
  const until = (model: string): Promise<void> =>
    eventually(() => serves(router, model), router.text, DEADLINE_MS);
  await mount("..two", configOf(engine.url, `static_aliases: linked:${MODEL}\n`));
  await Deno.remove(`${dir.path}/..one`, { recursive: true });
  await until("linked");
  // As editors do.
  await Deno.writeTextFile(`${dir.path}/new`, configOf(engine.url, `static_aliases: v:${MODEL}\n`));
  await Deno.rename(`${dir.path}/new`, file);
  await until("v");
  await Deno.remove(file);
  await eventually(() => /Cannot read the file: there is none/.test(router.text()), router.text);
  assert(await serves(router, "v"));
  await Deno.writeTextFile(file, configOf(engine.url, `static_aliases: back:${MODEL}\n`));
  await until("back");
  assertEquals(router.text().match(/there is none/g)?.length, 1);
});

Deno.test("main.ts reads its file at SIGHUP, tells what is wrong with it, and takes it once it is right", async () => {
  await using engine = await startSim({ role: "any" });
  await using dir = await folder();
  const file = `${dir.path}/pd.yaml`;
  await Deno.writeTextFile(file, configOf(engine.url));
  await using router = await start(file, ["--config", file, "--reload-interval=0"]);
  const hangUp = async (text: string, told: RegExp): Promise<void> => {
    await Deno.writeTextFile(file, text);
    const before = router.text().length;
    router.child.kill("SIGHUP");
    await eventually(() => told.test(router.text().slice(before)), router.text, DEADLINE_MS);
  };
  await hangUp(configOf(engine.url, "keep_alive_timeout: 9\n"), /settings=--keep-alive-timeout/);
  await hangUp(`${configOf(engine.url)}prot: 1\n`, /prot in \S+: unknown key; did you mean port/);
  assert(await serves(router, MODEL));
  await hangUp(configOf(engine.url, `static_aliases: x:${MODEL}\n`), /changed=static-aliases/);
  assert(await serves(router, "x"));
  await hangUp(configOf(engine.url, "log_level: error\n"), /changed=.*static-aliases/);
  const quiet = router.text().length;
  assert(await serves(router, MODEL));
  router.child.kill("SIGTERM");
  assertEquals((await router.child.status).code, 0);
  assertEquals(router.text().slice(quiet), "");
});
