import { parseArgv } from "../../lib/cli/argv.ts";
import { loadConfig } from "../../lib/cli/load.ts";
import { FLAGS, problemText } from "../../lib/config/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { chains } from "../tls/support.ts";
import { fakeProcess } from "./support.ts";

const PAIR = ["--prefill=http://p", "--decode=http://d"];

interface Loaded {
  readonly port: number | undefined;
  readonly problems: readonly string[];
}

function load(
  argv: readonly string[],
  files: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
): Loaded {
  const { ports } = fakeProcess(env, files);
  const result = loadConfig(parseArgv(FLAGS, [...PAIR, ...argv]), ports);
  return result.ok
    ? { port: result.config.listen.port, problems: [] }
    : { port: undefined, problems: result.problems.map(problemText) };
}

const FILES = { "/a.yaml": "port: 1111\n", "/b.yaml": "port: 2222\n" };

Deno.test("loadConfig() reads the file that a flag names, the last where there are several", () => {
  assertEquals(load(["--config=/a.yaml"], FILES).port, 1111);
  assertEquals(load(["--config=/a.yaml", "--config=/b.yaml"], FILES).port, 2222);
});

Deno.test("loadConfig() reads the file of the environment where no flag names one", () => {
  const env = { PD_ROUTER_CONFIG: "/a.yaml" };
  assertEquals(load([], FILES, env).port, 1111);
  assertEquals(load(["--config=/b.yaml"], FILES, env).port, 2222);
});

Deno.test("loadConfig() takes an empty name for none", () => {
  assertEquals(load([], FILES, { PD_ROUTER_CONFIG: "" }), load([], FILES));
});

Deno.test("loadConfig() tells of a file that is not there, and of one that is no YAML", () => {
  const [missing = ""] = load(["--config=/none.yaml"], FILES).problems;
  assert(/\/none\.yaml.*Cannot read the file: /.test(missing), missing);
  const [broken = ""] = load(["--config=/x"], { "/x": "port: [1" }).problems;
  assert(broken.includes("/x"), broken);
});

Deno.test("loadConfig() says what a launcher lets it read where it may not read a file", () => {
  const { ports } = fakeProcess();
  const readFile = (): string => {
    throw new Deno.errors.NotCapable("Requires read access");
  };
  const argv = parseArgv(FLAGS, [...PAIR, "--api-keys-file=/keys"]);
  const result = loadConfig(argv, { env: ports.env, readFile });
  const [told = ""] = result.ok ? [] : result.problems.map(problemText);
  assert(told.endsWith(" for it; files that flags or variables name are allowed"), told);
});

Deno.test("loadConfig() looks into each file that is named by its kind", async () => {
  const { server, client } = await chains();
  const files = {
    "/cert": server.cert,
    "/key": server.key,
    "/other": client.key,
    "/text": "hello",
    "/keys": "- {name: a, key: sk-a}",
  };
  const pair = (cert: string, key: string): readonly string[] =>
    load([`--tls-cert=${cert}`, `--tls-key=${key}`], files).problems;
  assertEquals(pair("/cert", "/key"), []);
  assertEquals(pair("/cert", "/other").length, 1);
  assert(pair("/text", "/key").some((each) => each.includes("tls-cert")));
  assert(pair("/cert", "/text").some((each) => each.includes("holds no PEM private key")));
  const ca = ["--tls-cert=/cert", "--tls-key=/key", "--tls-client-ca=/text"];
  assert(load(ca, files).problems.some((each) => each.includes("holds no PEM certificate")));
  assertEquals(load(["--api-keys-file=/keys"], files).problems, []);
  assertEquals(load(["--api-keys-file=/text"], files).problems.length, 1);
});
