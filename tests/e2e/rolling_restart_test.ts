/** Two routers behind one address, each restarted in its turn while requests come. */
import { decodeUtf8 } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { freePort, MODEL, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { startNginx } from "../support/nginx.ts";
import { post } from "../support/router.ts";

const ROOT = new URL("../../", import.meta.url);

/** Far above what a start or a drain takes. */
const DEADLINE_MS = 120_000;

/** Requests under way at once. */
const CLIENTS = 8;

/** A router as a process of its own. */
class RouterProcess implements AsyncDisposable {
  readonly url: string;
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  text = "";

  constructor(port: number, engines: readonly string[]) {
    this.url = `http://127.0.0.1:${port}`;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-check", "--allow-all", "main.ts"],
        ...engines,
        "--kv-protocol=nixl",
        "--host=127.0.0.1",
        `--port=${port}`,
        "--drain-delay=0.3",
        "--log-level=warning",
      ],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(DEADLINE_MS),
    }).spawn();
    const read = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
      for await (const bytes of stream) this.text += decodeUtf8(bytes);
    };
    this.#reading = Promise.all([read(this.#child.stdout), read(this.#child.stderr)]);
  }

  /** The status of `/ready`; undefined while nobody listens. */
  async ready(): Promise<number | undefined> {
    try {
      const response = await fetch(`${this.url}/ready`);
      await response.body?.cancel();
      return response.status;
    } catch (error) {
      if (error instanceof TypeError) return undefined;
      throw error;
    }
  }

  async untilReady(): Promise<void> {
    await eventually(
      async () => await this.ready() === 200,
      () => `not ready: ${this.text}`,
      DEADLINE_MS,
    );
  }

  /** Have it end; its exit code. */
  async stop(): Promise<number> {
    this.#child.kill("SIGTERM");
    const { code } = await this.#child.status;
    await this.#reading;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#child.status;
    await this.#reading;
  }
}

/** The text of one answer, or what was wrong with it. */
async function ask(url: string, prompt: string, stream: boolean): Promise<string> {
  const body = { model: MODEL, prompt, max_tokens: 20, temperature: 0, stream };
  const response = await post(`${url}/v1/completions`, body);
  const text = await response.text();
  if (response.status !== 200) return `${response.status}: ${text}`;
  if (!stream) return JSON.parse(text).choices[0].text;
  const events = text.trimEnd().split("\n\n").map((event) => event.slice("data: ".length));
  if (events.pop() !== "[DONE]") return `cut: ${text}`;
  return events.map((event) => JSON.parse(event).choices[0]?.text ?? "").join("");
}

Deno.test("main.ts restarted in turn behind nginx fails no request", async () => {
  const common = { kvConnector: "nixl", itlMs: 5, ttftMs: 5 } as const;
  await using prefill = await startSim({ ...common, role: "prefill" }, 1);
  await using decode = await startSim({ ...common, role: "decode" }, 2);
  await using single = await startSim({ role: "any" }, 3);
  const prompts = Array.from({ length: CLIENTS }, (_, at) => `Tell me of river number ${at}`);
  const expected = await Promise.all(prompts.map((prompt) => ask(single.url, prompt, false)));
  const engines = [`--prefill=${prefill.url}`, `--decode=${decode.url}`];
  await using stack = new AsyncDisposableStack();
  const ports = [freePort(), freePort()];
  const start = (port: number): RouterProcess => stack.use(new RouterProcess(port, engines));
  const routers = ports.map(start);
  for (const router of routers) await router.untilReady();
  const nginx = stack.use(await startNginx(freePort(), ports));

  const wrong: string[] = [];
  let answered = 0;
  let over = false;
  const clients = prompts.map(async (prompt, at) => {
    for (let round = at; !over; round++) {
      const told = await ask(nginx.url, prompt, round % 2 === 0).catch((error: unknown) =>
        `no answer: ${error}`
      );
      answered++;
      if (told !== expected[at]) wrong.push(told);
    }
  });
  const more = async (count: number): Promise<void> => {
    const from = answered;
    await eventually(() => answered >= from + count || wrong.length > 0, () => `${answered}`);
  };
  try {
    for (const [at, router] of routers.entries()) {
      await more(CLIENTS);
      const before = answered;
      assertEquals(await router.stop(), 0, router.text);
      await more(CLIENTS);
      const again = start(ports[at] ?? 0);
      await again.untilReady();
      assert(answered > before + CLIENTS, "nothing was answered meanwhile");
    }
    await more(2 * CLIENTS);
  } finally {
    over = true;
    await Promise.all(clients);
  }
  assertEquals(wrong.slice(0, 3), [], `${wrong.length} of ${answered}`);
});
