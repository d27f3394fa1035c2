import { decodeUtf8 } from "../../lib/base/mod.ts";
import { INSPECTOR_ADDRESS } from "../../lib/cli/inspector.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";

const ROOT = new URL("../../", import.meta.url);
/** Far above what a start takes; a hang must not last for ever. */
const DEADLINE_MS = 180_000;

/** What the tasks of a checkout start with, and the program by itself with what they grant. */
const FORMS: readonly (readonly [name: string, command: readonly string[]])[] = [
  ["start.sh", ["/bin/sh", "scripts/start.sh"]],
  ["main.ts", [
    ...[Deno.execPath(), "run", "--no-check", "--no-prompt", "--allow-net", "--allow-read"],
    ...[
      "--allow-env=PD_ROUTER_*,VLLM_API_KEY,VLLM_FEATURE_GATES,OPENAI_API_KEY,ANTHROPIC_API_KEY,OTEL_*",
      "main.ts",
    ],
  ]],
];

/** A router of one engine that there is not, and what it has written so far. */
interface Running extends AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly url: string;
  /** Both streams. */
  readonly text: () => string;
}

async function start([program = "", ...args]: readonly string[]): Promise<Running> {
  const child = new Deno.Command(program, {
    args: [
      ...args,
      ...["--decode=http://127.0.0.1:9;model=m", "--routing-logic=roundrobin"],
      ...["--host=127.0.0.1", "--port=0"],
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
  const url = (): string | undefined => /Serving on (http:\S+)/.exec(text)?.[1];
  const running = {
    child,
    text: () => text,
    get url(): string {
      return url() ?? "";
    },
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
  await eventually(() => url() !== undefined, () => `no start: ${text}`, DEADLINE_MS);
  return running;
}

async function isHealthy({ url }: Running): Promise<boolean> {
  const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(DEADLINE_MS) });
  await response.body?.cancel();
  return response.ok;
}

/** Send `signal` until `holds`: the process may begin to listen later. */
async function sendUntil(
  router: Running,
  signal: Deno.Signal,
  holds: () => boolean,
): Promise<void> {
  await eventually(
    () => {
      if (holds()) return true;
      router.child.kill(signal);
      return false;
    },
    () => `${signal}: ${router.text()}`,
    DEADLINE_MS,
  );
}

/** When Deno has begun to open its inspector on SIGUSR1 it says so, or that it cannot. */
const INSPECTED = /Debugger listening|Failed to start inspector server/;

for (const [name, command] of FORMS) {
  Deno.test(`${name} goes on after SIGHUP, at which it reads anew, and SIGUSR2, and says so`, async () => {
    await using router = await start(command);
    await sendUntil(router, "SIGUSR2", () => router.text().includes("SIGUSR2 is ignored"));
    await sendUntil(
      router,
      "SIGHUP",
      () => router.text().includes("The configuration has been read: nothing"),
    );
    assertEquals(await isHealthy(router), true);
  });

  Deno.test(`${name} ends after SIGQUIT by a drain, with 0`, async () => {
    await using router = await start(command);
    router.child.kill("SIGQUIT");
    assertEquals((await router.child.status).code, 0);
    await eventually(() => router.text().includes("Stopped after"), router.text);
    assertMatch(router.text(), /SIGQUIT: draining/);
  });

  Deno.test(`${name} goes on after SIGPIPE`, async () => {
    await using router = await start(command);
    router.child.kill("SIGPIPE");
    assertEquals(await isHealthy(router), true);
  });
}

/** Whether the process `pid` listens on `port` of 127.0.0.1; source: proc(5). */
async function listensOn(pid: number, port: number): Promise<boolean> {
  const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes = (await Deno.readTextFile("/proc/net/tcp")).split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local === address && state === "0A")
    .map((fields) => `socket:[${fields[9]}]`);
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    const target = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => "");
    if (inodes.includes(target)) return true;
  }
  return false;
}

Deno.test("main.ts keeps V8's inspector closed on SIGUSR1", async () => {
  await using router = await start(FORMS[1]?.[1] ?? []);
  // Other tests have routers, too: one of them may have had the port, and ended.
  const { pid } = router.child;
  const { port } = INSPECTOR_ADDRESS;
  await eventually(() => listensOn(pid, port), () => `${port} is not held`, DEADLINE_MS);
  await sendUntil(router, "SIGUSR1", () => INSPECTED.test(router.text()));
  assert(!router.text().includes("Debugger listening"), router.text());
  assertEquals(await isHealthy(router), true);
});

Deno.test("start.sh has SIGUSR1 never arrive", async () => {
  await using router = await start(FORMS[0]?.[1] ?? []);
  const status = await Deno.readTextFile(`/proc/${router.child.pid}/status`);
  const blocked = BigInt(`0x${/^SigBlk:\s*(\w+)$/m.exec(status)?.[1] ?? "0"}`);
  assertEquals((blocked >> 9n) & 1n, 1n);
  router.child.kill("SIGUSR1");
  await sendUntil(router, "SIGHUP", () => router.text().includes("SIGHUP"));
  assert(!/SIGUSR1/.test(router.text()) && !INSPECTED.test(router.text()), router.text());
  assertEquals(await isHealthy(router), true);
});
