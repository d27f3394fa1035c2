import { assertEquals } from "../support/assert.ts";
import { configOf, linesOf } from "./support.ts";

const FLAGS = {
  "service-discovery": "k8s",
  "k8s-label-selector": "app=vllm",
  "routing-logic": "roundrobin",
};
const AWAY = { ...FLAGS, "k8s-api-server": "https://10.0.0.1:6443/k8s/" };
const CLUSTER = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };
const FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";

Deno.test("resolveConfig() finds a cluster's own API server, with its service account", () => {
  const { discovery, engines } = configOf({ flags: FLAGS, env: CLUSTER });
  assertEquals(discovery.kubernetes, {
    access: {
      url: "https://10.96.0.1:443",
      tokenFile: `${FOLDER}/token`,
      caFile: `${FOLDER}/ca.crt`,
    },
    namespace: "default",
    selector: "app=vllm",
    by: "pod",
    port: 8000,
  });
  assertEquals(engines, []);
  const six = { ...CLUSTER, KUBERNETES_SERVICE_HOST: "fd00::1" };
  const { access } = configOf({ flags: FLAGS, env: six }).discovery.kubernetes ?? {};
  assertEquals(access?.url, "https://[fd00::1]:443");
});

Deno.test("resolveConfig() takes every flag of Kubernetes", () => {
  const flags = {
    ...AWAY,
    "k8s-token-file": "/token",
    "k8s-ca-file": "/ca.pem",
    "k8s-namespace": "prod",
    "k8s-port": "80",
    "k8s-service-discovery-type": "service-name",
    "k8s-watcher-timeout-seconds": "30",
  };
  assertEquals(configOf({ flags, env: CLUSTER }).discovery.kubernetes, {
    access: { url: "https://10.0.0.1:6443/k8s", tokenFile: "/token", caFile: "/ca.pem" },
    namespace: "prod",
    selector: "app=vllm",
    by: "service",
    port: 80,
    watchSeconds: 30,
  });
});

Deno.test("resolveConfig() needs no engines where they are found, for handoffs neither", () => {
  const handoff = { ...AWAY, "routing-logic": "disaggregated_prefill" };
  const { handoff: { kind }, discovery } = configOf({ flags: handoff });
  assertEquals([kind, discovery.rules.usual], ["shared_storage", "shared_storage"]);
  assertEquals(configOf({ flags: { ...AWAY, "elastic-interval": "7" } }).elastic?.intervalMs, 7000);
  assertEquals(
    configOf({ flags: { ...AWAY, "static-backends": "http://a", "static-models": "m" } })
      .discovery.listed.length,
    1,
  );
});

for (
  const [name, flags, line] of [
    ["no selector", { "k8s-label-selector": "" }, "--k8s-label-selector: required with"],
    ["a namespace that is a path", { "k8s-namespace": "a/b" }, '--k8s-namespace "a/b": expected'],
    ["a URL of another kind", { "k8s-api-server": "tcp://a" }, "--k8s-api-server"],
    ["credentials in the URL", { "k8s-api-server": "https://a:b@c" }, "--k8s-api-server"],
    [
      "a token that all could read",
      { "k8s-api-server": "http://10.0.0.1", "k8s-token-file": "/token" },
      '--k8s-api-server "http://10.0.0.1": expected https',
    ],
    ["another type", { "k8s-service-discovery-type": "pod" }, "--k8s-service-discovery-type"],
  ] as const
) {
  Deno.test(`resolveConfig() refuses Kubernetes with ${name}`, () => {
    const lines = linesOf({ flags: { ...AWAY, ...flags } });
    assertEquals(lines.map((each) => each.startsWith(line)), [true], lines.join("\n"));
  });
}
