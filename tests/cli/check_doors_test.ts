import { parseArgv } from "../../lib/cli/argv.ts";
import { checkReport } from "../../lib/cli/check.ts";
import { loadConfig } from "../../lib/cli/load.ts";
import { FLAGS } from "../../lib/config/mod.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { chains } from "../tls/support.ts";
import { fakeProcess } from "./support.ts";

const PAIR = ["--prefill", "http://p", "--decode", "http://d"];

function report(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): string {
  const { ports } = fakeProcess(env, files);
  return checkReport(loadConfig(parseArgv(FLAGS, [...PAIR, ...argv]), ports), ports.env);
}

Deno.test("checkReport() shows that there are keys, and none of them", () => {
  const files = {
    "/keys": "- {name: a, key: sk-hush}",
    "/bad": "- {name: a, key: sk hush}",
    "/pd.yaml": "api_key: [sk-hush-1, sk-hush-2]",
  };
  const env = { PD_ROUTER_API_KEYS: "sk-hush-3" };
  const text = report(["--api-key", "sk-hush-4", "--api-keys-file", "/keys"], env, files);
  assertMatch(text, /^ {2}api-key +\*\*\* +flag$/m);
  assertMatch(text, /^ {2}PD_ROUTER_API_KEYS +\*\*\* +environment$/m);
  assertMatch(text, /^ {2}api-keys-file +\/keys +flag$/m);
  assert(text.endsWith("No problems"), text);
  const others = [
    text,
    report(["--config", "/pd.yaml"], { PD_ROUTER_API_KEY: "sk-hush-5" }, files),
    report(["--api-keys-file", "/bad"], {}, files),
    report(["--api-key", "sk-hush\u00e9"], {}, files),
    report(["--api-key=sk-hush", "--api-ky=sk-hush"], {}, files),
  ];
  for (const each of others) assert(!each.includes("hush"), each);
});

Deno.test("loadConfig() says what is wrong with files of keys and certificates", async () => {
  const { server, renewed } = await chains();
  const files = {
    "/cert": server.cert,
    "/key": server.key,
    "/other": renewed.key,
    "/keys": "keys: 1",
    "/text": "hello",
  };
  const rows: readonly (readonly [argv: readonly string[], problem: string])[] = [
    [["--tls-cert", "/cert", "--tls-key", "/key"], ""],
    [
      ["--tls-cert", "/cert", "--tls-key", "/other"],
      "--tls-key: is not the private key of the certificate",
    ],
    [["--tls-cert", "/text", "--tls-key", "/key"], '--tls-cert "/text": holds no PEM certificate'],
    [["--tls-cert", "/cert", "--tls-key", "/text"], '--tls-key "/text": holds no PEM private key'],
    [
      ["--engine-tls-cert", "/cert", "--engine-tls-key", "/none"],
      '--engine-tls-key "/none": Cannot read the file: there is none',
    ],
    [["--api-keys-file", "/keys"], '--api-keys-file "/keys": keys: expected a list of keys'],
  ];
  for (const [argv, problem] of rows) {
    const [, problems = ""] = report(argv, {}, files).split("Problems (1)\n  ");
    assertEquals(problems, problem);
  }
});
