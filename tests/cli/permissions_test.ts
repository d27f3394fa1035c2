import { parseArgv } from "../../lib/cli/argv.ts";
import { dispatch } from "../../lib/cli/dispatch.ts";
import { loadConfig } from "../../lib/cli/load.ts";
import { neededPermissions } from "../../lib/cli/permissions.ts";
import { FLAGS } from "../../lib/config/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { fakeProcess } from "./support.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const FILES = {
  "/etc/pd.yaml": "tls_ca: /etc/ca.pem\n",
  "/etc/ca.pem": PEM,
  "/a,b.pem": PEM,
  "/empty.yaml": "",
};

function needed(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): readonly string[] {
  const { ports } = fakeProcess(env, FILES);
  return neededPermissions(loadConfig(parseArgv(FLAGS, argv), ports));
}

const ENV =
  "--allow-env=PD_ROUTER_*,VLLM_API_KEY,VLLM_FEATURE_GATES,OPENAI_API_KEY,ANTHROPIC_API_KEY,OTEL_*";

Deno.test("neededPermissions() names where the router listens, and its engines", () => {
  const pair = ["--prefill", "https://p", "--decode", "http://10.0.0.2:8200/base"];
  assertEquals(needed([...pair, "--nixl-proxy-host", "*"]), [
    "--allow-net=0.0.0.0:8001,0.0.0.0:7500,p:443,10.0.0.2:8200",
    "--allow-read=/dev/null",
    ENV,
  ]);
  const nixl = needed([...pair, "--kv-protocol", "nixl", "--host", "::", "--port", "0"]);
  assertEquals(nixl[0], "--allow-net=[::],p:443,10.0.0.2:8200");
});

Deno.test("neededPermissions() names no address where engines are found by DNS", () => {
  const named = ["--routing-logic=roundrobin", "--dns-name=vllm.test"];
  const asks = ["--allow-net", "--allow-read=/dev/null,/etc/resolv.conf", ENV];
  assertEquals(needed(named), asks);
  const given = needed([...named, "--dns-servers=10.96.0.10"]);
  assertEquals(given, ["--allow-net", "--allow-read=/dev/null", ENV]);
});

Deno.test("neededPermissions() names where replicas meet", () => {
  const pair = ["--prefill", "http://p", "--decode", "http://d", "--kv-protocol", "nixl"];
  assertEquals(
    needed([...pair, "--cluster", "rediss://user:word@[::1]/3"])[0],
    "--allow-net=0.0.0.0:8001,[::1]:6379,p:80,d:80",
  );
});

Deno.test("neededPermissions() names an address once", () => {
  const argv = [
    ...["--routing-logic=roundrobin", "--decode", "http://[::1]", "--decode", "http://[::1]/b"],
    "--host=127.0.0.1",
  ];
  assertEquals(needed(argv)[0], "--allow-net=127.0.0.1:8001,[::1]:80");
});

Deno.test("neededPermissions() names no address where engines can be added, and the file of their keys", () => {
  const argv = ["--prefill", "http://p", "--decode", "http://d", "--admin-listen", "8002"];
  assertEquals(needed([...argv, "--admin-api-keys-file", "/etc/ca.pem"]).slice(0, 2), [
    "--allow-net",
    "--allow-read=/dev/null,/etc/ca.pem",
  ]);
});

Deno.test("neededPermissions() names every file, wherever it is named", () => {
  const pair = ["--prefill", "http://p", "--decode", "http://d"];
  const both = "--allow-read=/dev/null,/etc/pd.yaml,/etc/ca.pem";
  assertEquals(needed([...pair, "--config", "/etc/pd.yaml"])[1], both);
  assertEquals(needed(pair, { PD_ROUTER_CONFIG: "/etc/pd.yaml" })[1], both);
  assertEquals(
    needed([...pair, "--tls-ca", "/etc/ca.pem"])[1],
    "--allow-read=/dev/null,/etc/ca.pem",
  );
  assertEquals(needed([...pair, "--tls-ca", "/a,b.pem"])[1], "--allow-read");
});

Deno.test("neededPermissions() tells what it can of a configuration that is not right", () => {
  assertEquals(needed(["--config", "/etc/pd.yaml"]), [
    "--allow-net",
    "--allow-read=/dev/null,/etc/pd.yaml,/etc/ca.pem",
    ENV,
  ]);
});

Deno.test("neededPermissions() has the addon's where that is asked for", () => {
  const argv = ["--prefill", "http://p", "--decode", "http://d", "--nixl-proxy-socket", "zeromq"];
  assertEquals(needed(argv).at(-1), "--allow-ffi");
});

Deno.test("neededPermissions() lets the folder of files be written to, where files are kept", () => {
  const pair = ["--prefill", "http://p", "--decode", "http://d"];
  const kept = needed([...pair, "--enable-batch-api", "--file-storage-path", "/var/lib/x"]);
  assertEquals(kept.slice(1, 3), [
    "--allow-read=/dev/null,/var/lib/x",
    "--allow-write=/var/lib/x",
  ]);
  assertEquals(needed([...pair, "--enable-batch-api"])[2], "--allow-write=/tmp/vllm_files");
  const logged = ["--access-log-file", "/var/log/a.log"];
  assertEquals(needed([...pair, ...logged])[2], "--allow-write=/var/log/a.log");
  assertEquals(
    needed([...pair, ...logged, "--enable-batch-api"])[2],
    "--allow-write=/tmp/vllm_files,/var/log/a.log",
  );
  assertEquals(needed([...pair, "--access-log-file", "a,b"])[2], "--allow-write");
  const off = needed([...pair, "--file-storage-path", "/var/lib/x"]);
  assertEquals(off.slice(1), ["--allow-read=/dev/null", ENV]);
});

Deno.test("dispatch() prints permissions alone, one a line", async () => {
  const { ports, out } = fakeProcess({}, FILES);
  const argv = ["--prefill", "http://p", "--decode", "http://d"];
  assertEquals(await dispatch(["check", ...argv, "--permissions"], ports), 0);
  assertEquals(out.lines, needed(argv));
  const broken = fakeProcess({}, FILES);
  assertEquals(await dispatch(["check", "--permissions"], broken.ports), 1);
  assertEquals(broken.out.lines[0], "--allow-net");
});

Deno.test("neededPermissions() has what a cluster asks for, where engines are found in it", () => {
  const argv = [
    ...["--service-discovery", "k8s", "--k8s-label-selector", "app=vllm"],
    ...["--routing-logic", "roundrobin"],
  ];
  const env = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };
  const inside = [
    "--allow-net",
    "--allow-read=/dev/null,/var/run/secrets/kubernetes.io/serviceaccount",
    `${ENV},KUBERNETES_SERVICE_HOST,KUBERNETES_SERVICE_PORT`,
  ];
  assertEquals(needed(argv, env), inside);
  assertEquals(needed(argv), inside);
  const away = [...argv, "--k8s-api-server", "https://api", "--k8s-token-file", "/etc/token"];
  assertEquals(needed(away), ["--allow-net", "--allow-read=/dev/null,/etc/token", ENV]);
});

Deno.test("neededPermissions() lets others be started where several processes are to serve", () => {
  const pair = ["--prefill", "https://p", "--decode", "http://10.0.0.2:8200"];
  for (const workers of ["2", "auto"]) {
    assertEquals(needed([...pair, "--workers", workers]).at(-1), "--allow-run");
  }
  assertEquals(needed([...pair, "--workers", "1"]).includes("--allow-run"), false);
});
