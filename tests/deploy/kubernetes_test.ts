import { parseAllDocuments } from "yaml";
import { parseArgv } from "../../lib/cli/argv.ts";
import { loadConfig } from "../../lib/cli/load.ts";
import { FLAGS } from "../../lib/config/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fakeProcess } from "../cli/support.ts";
import { eventually } from "../support/eventually.ts";
import {
  KubernetesApi,
  KubernetesServer,
  podOf,
  type Rule,
  serviceOf,
  sliceOf,
} from "../support/kubernetes_api/mod.ts";
import { startFinding } from "../support/kubernetes_fleet.ts";

// deno-lint-ignore no-explicit-any
type Manifest = any;

function manifests(name: string): readonly Manifest[] {
  const text = Deno.readTextFileSync(new URL(`../../scripts/deploy/${name}`, import.meta.url));
  return parseAllDocuments(text).map((document) => document.toJS());
}

function rulesOf(name: string): readonly Rule[] {
  return manifests(name).filter(({ kind }) => kind === "Role").flatMap(({ rules }) => rules);
}

for (
  const [name, flags] of [
    ["kubernetes.yaml", {}],
    ["kubernetes_services.yaml", { "k8s-service-discovery-type": "service-name" }],
  ] as const satisfies readonly (readonly [string, Readonly<Record<string, string>>])[]
) {
  Deno.test(`${name} grants what a router needs to find its engines, and nothing else`, async () => {
    const api = new KubernetesApi();
    api.rules = rulesOf(name);
    api.store.create("pods", podOf({ name: "vllm", ip: "127.0.0.1", port: 9 }));
    api.store.create("services", serviceOf("vllm", "m"));
    api.store.create("endpointslices", sliceOf("vllm-1", "vllm", [true]));
    await using server = new KubernetesServer(api);
    await using router = await startFinding(server, flags);
    const watched = (): readonly string[] =>
      [...api.watches].map(({ resource }) => resource).sort();
    const granted = api.rules.flatMap(({ resources }) => resources).sort();
    await eventually(() => watched().join() === granted.join(), () => watched().join());
    const health = await fetch(`${router.url}/health`);
    assertEquals([health.status, await health.json()], [200, { status: "healthy" }]);
    assert(api.rules.every(({ verbs }) => verbs.join() === "list,watch"));
  });
}

Deno.test("kubernetes.yaml starts a router with arguments that are right", () => {
  const deployments = manifests("kubernetes.yaml").filter(({ kind }) => kind === "Deployment");
  const [router] = deployments.filter(({ metadata }) => metadata.name === "pd-router");
  const { ports } = fakeProcess({
    KUBERNETES_SERVICE_HOST: "10.96.0.1",
    KUBERNETES_SERVICE_PORT: "443",
  });
  const [{ args }] = router.spec.template.spec.containers;
  const result = loadConfig(parseArgv(FLAGS, args), ports);
  assert(result.ok, JSON.stringify(result));
  assertEquals(result.config.discovery.kubernetes?.selector, "app=vllm");
});
