import { systemClock } from "../../lib/base/mod.ts";
import { dispatch } from "../../lib/cli/dispatch.ts";
import { VERSION_LINE } from "../../lib/cli/version.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { eventually } from "../support/eventually.ts";
import { fakeProcess } from "./support.ts";

const PAIR = ["--prefill", "http://p", "--decode", "http://d"];

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const { ports, out, err } = fakeProcess(env, files);
  const code = await dispatch(argv, ports);
  return { code, out: out.text, err: err.text };
}

Deno.test("dispatch() prints the version on one line", async () => {
  assertMatch(VERSION_LINE, /^pd-router \d+\.\d+\.\d+$/);
  for (const argv of [["--version"], ["check", "--version"], [...PAIR, "--version"]]) {
    assertEquals(await run(argv), { code: 0, out: `${VERSION_LINE}\n`, err: "" });
  }
});

Deno.test("dispatch() prints help, whatever else is wrong", async () => {
  for (const argv of [["help"], ["--help"], ["-h"], ["check", "--help"], ["--prot", "--help"]]) {
    const { code, out, err } = await run(argv);
    assertEquals([code, err], [0, ""], argv.join(" "));
    assertStringIncludes(out, "--nixl-proxy-host HOST");
  }
});

Deno.test("dispatch() checks a configuration: 0 without problems, 1 with any", async () => {
  const good = await run(["check", ...PAIR]);
  assertEquals([good.code, good.err], [0, ""]);
  assertStringIncludes(good.out, "No problems");
  const bad = await run(["check", ...PAIR, "--port", "x"]);
  assertEquals([bad.code, bad.err], [1, ""]);
  assertStringIncludes(bad.out, 'Problems (1)\n  --port "x": expected an integer');
});

Deno.test("dispatch() refuses to serve with a problem, telling all of them on standard error", async () => {
  const { code, out, err } = await run(
    [...PAIR, "--prot", "9000", "--log-level", "loud"],
    { PD_ROUTER_CONNECT_TIMEOUT: "soon" },
  );
  assertEquals([code, out], [2, ""]);
  assertEquals(err.trimEnd().split("\n"), [
    "pd-router: --prot: unknown flag; did you mean --port?",
    'pd-router: PD_ROUTER_CONNECT_TIMEOUT "soon": expected a number of seconds from 0.001 to 604800',
    'pd-router: --log-level "loud": expected critical, error, warning, info, debug or trace',
    "Try: pd-router --help",
  ]);
});

Deno.test("dispatch() refuses an unknown command with a hint", async () => {
  const { code, out, err } = await run(["chekc", ...PAIR]);
  assertEquals([code, out], [2, ""]);
  assertEquals(
    err,
    "pd-router: chekc: unknown command; did you mean check?\nTry: pd-router --help\n",
  );
});

Deno.test("dispatch() never prints a secret of the environment or of URLs", async () => {
  const env = { VLLM_API_KEY: "hush", PD_ROUTER_SENTRY_DSN: "https://hush@sentry" };
  for (const argv of [["check"], []]) {
    const { out, err } = await run([...argv, "--prefill", "http://me:hush@p"], env);
    assert(!(out + err).includes("hush"), out + err);
  }
});

Deno.test("dispatch() warns of flags without effect, whichever way they were given", async () => {
  const { ports, err, out, signals } = fakeProcess({
    PD_ROUTER_SENTRY_DSN: "https://key@sentry.example/1",
  });
  const argv = ["--routing-logic=roundrobin", "--static-backends=http://a", "--static-models=m"];
  const served = dispatch([...argv, "--port=0", "--host=127.0.0.1", "--semantic-cache-dir=d"], {
    ...ports,
    clock: new FakeClock(),
  });
  await out.written;
  signals.send("SIGTERM");
  assertEquals(await served, 0);
  assertStringIncludes(
    err.text,
    "WARNING Without effect in this version: --semantic-cache-dir, --sentry-dsn\n",
  );
});

Deno.test("dispatch() forgoes writing where no files are kept, and keeps it where they are", async () => {
  const argv = ["--routing-logic=roundrobin", "--static-backends=http://a", "--static-models=m"];
  const folder = await Deno.makeTempDir();
  const rows = [
    [[], 1],
    [["--enable-batch-api", `--file-storage-path=${folder}`], 0],
    [["--access-log-file=/var/log/a.log"], 0],
  ] as const;
  try {
    for (const [more, times] of rows) {
      const { ports, out, signals } = fakeProcess();
      let forgone = 0;
      const served = dispatch([...argv, "--port=0", "--host=127.0.0.1", ...more], {
        ...ports,
        clock: systemClock(),
        forgoWriting: () => void forgone++,
      });
      await eventually(() => out.text.includes("Serving on"), () => out.text);
      signals.send("SIGTERM");
      assertEquals([await served, forgone], [0, times]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
