import { dispatch } from "../../lib/cli/dispatch.ts";
import { loadConfig } from "../../lib/cli/load.ts";
import { parseArgv } from "../../lib/cli/argv.ts";
import { fileKey, FLAGS, parseConfigText, type RouterConfig } from "../../lib/config/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { fakeProcess } from "./support.ts";

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly asked: readonly string[];
}

/** Run `pd-router config`; with `answers`, on a terminal. */
async function config(
  argv: readonly string[],
  answers?: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const { ports, out, err } = fakeProcess(env);
  const asked: string[] = [];
  const left = [...answers ?? []];
  const ask = (question: string): Promise<string | undefined> => {
    asked.push(question);
    return Promise.resolve(left.shift());
  };
  const code = await dispatch(
    ["config", ...argv],
    answers === undefined ? ports : { ...ports, ask },
  );
  return { code, out: out.text, err: err.text, asked };
}

/** A configuration without the places that its parts are from. */
function resolved(argv: readonly string[], file?: string): RouterConfig {
  const { ports } = fakeProcess({}, file === undefined ? {} : { "pd.yaml": file });
  const result = loadConfig(parseArgv(FLAGS, argv), ports);
  assert(result.ok, JSON.stringify(result.ok ? [] : result.problems));
  const { config } = result;
  const { discovery } = config;
  const listed = discovery.listed.map((one) => ({ ...one, where: "" }));
  return { ...config, discovery: { ...discovery, listed } };
}

const STARTS: readonly (readonly string[])[] = [
  ["--prefill=http://10.0.0.1:8000", "--decode=http://10.0.0.2:8000"],
  [
    "--prefill=http://10.0.0.1:8000",
    "--prefill=http://10.0.0.3:8000;notifications=2",
    "--decode=http://10.0.0.2:8000;init=7300,7301;alloc=7400,7401",
    "--nixl-peer-alloc-port=7400,7401",
    "--nixl-peer-init-port=7300,7301",
    "--nixl-proxy-port=7600",
    "--static-aliases=chat:llama",
    "--log-format=json",
    "--request-timeout=1.5",
    "--continue-streams",
  ],
  ["--kv-protocol=nixl", "--prefill=http://p", "--decode=http://d", "--canary"],
  [
    "--service-discovery=static",
    "--routing-logic=session",
    "--session-key=x-user",
    "--static-backends=http://a,http://b",
    "--static-models=no,null",
  ],
];

Deno.test("pd-router config init writes a file that says what the flags say", async () => {
  for (const argv of STARTS) {
    const { code, out, err } = await config(["init", ...argv]);
    assertEquals([code, err], [0, ""]);
    assertEquals(resolved(["--config=pd.yaml"], out), resolved(argv), argv.join(" "));
  }
});

Deno.test("pd-router config init has every key, and what holds without it holds with it too", async () => {
  const argv = STARTS[0] ?? [];
  const { out } = await config(["init", ...argv]);
  const comments = out.split("\n").flatMap((line) => /^# ([a-z0-9_]+): ([^<].*)$/.exec(line) ?? []);
  const keys = new Set(FLAGS.map(({ name }) => fileKey(name)));
  for (const { name, status, secret } of FLAGS) {
    const key = fileKey(name);
    if (status !== undefined || secret || ["config"].includes(key) || /^dynamic_config/.test(key)) {
      continue;
    }
    assert(out.includes(`\n# ${key}: `) || out.includes(`\n${key}: `), key);
  }
  assert(comments.length > 100);
  for (const line of out.split("\n")) {
    const [, key = "", value = ""] = /^# ([a-z0-9_]+): ([^<].*)$/.exec(line) ?? [];
    if (!keys.has(key)) continue;
    const parsed = parseConfigText(`${key}: ${value}`);
    assert(parsed.ok, line);
  }
});

Deno.test("pd-router config init keeps its lines within 100 columns, and secrets to itself", async () => {
  const secret = "sk-very-secret";
  const { code, out } = await config(["init", ...STARTS[0] ?? [], `--api-key=${secret}`]);
  assertEquals([code, out.includes(secret)], [0, false]);
  assertStringIncludes(out, "PD_ROUTER_API_KEY");
  for (const line of out.split("\n")) {
    if (line.startsWith("# ")) assert(line.length <= 100, line);
  }
});

Deno.test("pd-router config init asks on a terminal for what a pair of engines needs", async () => {
  const { code, out, asked } = await config(["init"], [
    "http://10.0.0.1:8000 http://10.0.0.3:8000",
    "http://10.0.0.2:8000",
    "",
    "7600",
    "7300,7301",
    "7400,7401",
    "",
  ]);
  assertEquals([code, asked.length], [0, 7]);
  assertEquals(
    resolved(["--config=pd.yaml"], out),
    resolved([
      "--prefill=http://10.0.0.1:8000",
      "--prefill=http://10.0.0.3:8000",
      "--decode=http://10.0.0.2:8000",
      "--nixl-proxy-port=7600",
      "--nixl-peer-init-port=7300,7301",
      "--nixl-peer-alloc-port=7400,7401",
    ]),
  );
});

Deno.test("pd-router config init asks no more of NIXL's pairs, nor of fleets, than they need", async () => {
  const nixl = await config(["init"], ["http://p", "http://d", "nixl", "9000"]);
  assertEquals([nixl.code, nixl.asked.length], [0, 4]);
  assertEquals(resolved(["--config=pd.yaml"], nixl.out).listen.port, 9000);
  const fleet = await config(["init"], ["", "http://a, http://b", "m,m", ""]);
  assertEquals([fleet.code, fleet.asked.length], [0, 4]);
  assertEquals(resolved(["--config=pd.yaml"], fleet.out).engines.length, 2);
});

Deno.test("pd-router config refuses what cannot be a configuration, and input that ends", async () => {
  const wrong = await config(["init", "--prefill=nowhere", "--decode=http://d"]);
  assertEquals([wrong.code, wrong.out], [2, ""]);
  assertStringIncludes(wrong.err, "nowhere");
  const ended = await config(["init"], ["http://p"]);
  assertEquals([ended.code, ended.out], [2, ""]);
  assertStringIncludes(ended.err, "the input has ended");
  const other = await config(["make"]);
  assertEquals(other.code, 2);
  assertStringIncludes(other.err, "it has init");
});
