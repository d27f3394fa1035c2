import { checkReport } from "../../lib/cli/check.ts";
import { parseArgv } from "../../lib/cli/argv.ts";
import { loadConfig } from "../../lib/cli/load.ts";
import { FLAGS } from "../../lib/config/mod.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { fakeProcess } from "./support.ts";

function report(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): string {
  const { ports } = fakeProcess(env, files);
  return checkReport(loadConfig(parseArgv(FLAGS, argv), ports), ports.env);
}

Deno.test("checkReport() shows each value with its source", () => {
  const text = report(
    ["--prefill", "http://p", "--decode", "http://d", "--port=9000", "--config", "/etc/pd.yaml"],
    { PD_ROUTER_LOG_LEVEL: "debug" },
    { "/etc/pd.yaml": "nixl_proxy_port: 7600\n" },
  );
  const rows: readonly (readonly [string, RegExp])[] = [
    ["port", /^ {2}port +9000 +flag$/m],
    ["log-level", /^ {2}log-level +debug +environment, PD_ROUTER_LOG_LEVEL$/m],
    ["nixl-proxy-port", /^ {2}nixl-proxy-port +7600 +file$/m],
    ["host", /^ {2}host +0\.0\.0\.0 +default$/m],
    ["session-key", /^ {2}session-key +- +default$/m],
    ["routing-logic", /^ {2}routing-logic +disaggregated_prefill +implied by --prefill or/m],
    ["engine", /^ {2}d:80: decode http:\/\/d, models as the engine says, KV to d, init 7300, all/m],
  ];
  for (const [name, pattern] of rows) assertMatch(text, pattern, `${name}: ${text}`);
  assertStringIncludes(text, "Engines in use (2)");
  assert(text.endsWith("\n\nNo problems"), text);
});

Deno.test("checkReport() says how KV moves, and whose first token it is", () => {
  const pair = ["--prefill", "http://p", "--decode", "http://d"];
  const rows: readonly (readonly [argv: readonly string[], RegExp])[] = [
    [
      [...pair, "--nixl-proxy-host", "0.0.0.0"],
      /^Handoffs\n {2}lmcache: .* notify 0\.0\.0\.0:7500$/m,
    ],
    [[...pair, "--kv-protocol", "nixl"], /^Handoffs\n {2}nixl: /m],
    [
      ["--routing-logic=disaggregated_prefill", ...pair, "--kv-protocol", "shared_storage"],
      /^Handoffs\n {2}shared_storage: .*--nixl-proxy-host$/m,
    ],
    [
      ["--routing-logic=roundrobin", "--static-backends", "http://a", "--static-models", "m"],
      /^Handoffs\n {2}none: /m,
    ],
    [[...pair, "--nixl-first-token", "decode"], /alloc 7400, first token from the decode engine$/m],
  ];
  for (const [argv, pattern] of rows) assertMatch(report(argv), pattern);
});

Deno.test("checkReport() has every flag that does something, and others only when given", () => {
  const text = report(["--prefill", "http://p", "--decode", "http://d"]);
  for (const { name, status } of FLAGS) {
    assertEquals(new RegExp(`^ {2}${name} `, "m").test(text), status === undefined, name);
  }
  const given = report(["--request-rewriter", "noop", "--lmcache-worker-timeout", "80"]);
  assertMatch(given, /^ {2}request-rewriter +noop +flag$/m);
  assertMatch(given, /^ {2}lmcache-worker-timeout +80 +flag$/m);
});

Deno.test("checkReport() lists every problem", () => {
  const text = report(["--prot", "1", "--port=x", "stray"], {}, {});
  assertMatch(text, /^ {2}port +x +flag; not valid$/m);
  const [, problems = ""] = text.split("Problems (5)\n");
  assertEquals(problems.split("\n").map((line) => line.trim().split(/[: ]/)[0]), [
    "stray",
    "--prot",
    "--port",
    "--routing-logic",
    "engines",
  ]);
});

Deno.test("checkReport() never shows a secret", () => {
  const text = report(
    [
      "--prefill=http://me:hush@p",
      "--decode=http://d?key=hush",
      "--sentry-dsn=https://hush@s",
      "--static-backends=http://hush@b",
    ],
    { VLLM_API_KEY: "hush" },
    {},
  );
  assert(!text.includes("hush"), text);
  assertMatch(text, /^ {2}VLLM_API_KEY +\*\*\* +environment$/m);
  assertMatch(report([]), /^ {2}VLLM_API_KEY +- +default$/m);
});

Deno.test("loadConfig() tells what is wrong with a file", () => {
  const pair = ["--prefill", "http://p", "--decode", "http://d"];
  const missing = report([...pair, "--config", "/nope.yaml"]);
  assertStringIncludes(missing, "/nope.yaml: Cannot read the file: there is none");
  const byEnv = report(pair, { PD_ROUTER_CONFIG: "/nope.yaml" });
  assertStringIncludes(byEnv, "/nope.yaml: Cannot read the file: there is none");
  const broken = report([...pair, "--config", "/a"], {}, { "/a": "port: 1\nport: 2\n" });
  assertMatch(broken, /^ {2}\/a: Map keys must be unique at line 2/m);
  const noCa = report([...pair, "--tls-ca", "/ca"]);
  assertStringIncludes(noCa, '--tls-ca "/ca": Cannot read the file: there is none');
  const notPem = report([...pair, "--tls-ca", "/ca"], {}, { "/ca": "hello" });
  assertStringIncludes(notPem, '--tls-ca "/ca": holds no PEM certificate');
  const pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
  assertStringIncludes(report([...pair, "--tls-ca", "/ca"], {}, { "/ca": pem }), "No problems");
});

Deno.test("loadConfig() lets the flag's file win over the environment's", () => {
  const files = { "/a": "port: 1001", "/b": "port: 1002" };
  const text = report(["--config", "/a", "--config=/b"], { PD_ROUTER_CONFIG: "/a" }, files);
  assertMatch(text, /^ {2}port +1002 +file$/m);
});

Deno.test("checkReport() says which engines are found in Kubernetes", () => {
  const text = report([
    ...["--service-discovery", "k8s", "--k8s-api-server", "https://10.0.0.1:6443"],
    ...["--k8s-label-selector", "app=vllm", "--routing-logic", "roundrobin"],
  ]);
  const found =
    "found in Kubernetes: pods with app=vllm in the namespace default, by https://10.0.0.1:6443";
  assertStringIncludes(text, `Engines besides\n  ${found}`);
});
