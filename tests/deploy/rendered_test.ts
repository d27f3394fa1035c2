/** What helm has made of the chart's examples, for those without helm: whether a router starts with it. */
import { startApp } from "../../lib/app.ts";
import { seededRandom, silentLogger, systemClock } from "../../lib/base/mod.ts";
import { parseArgv } from "../../lib/cli/argv.ts";
import { loadConfig } from "../../lib/cli/load.ts";
import { FLAGS } from "../../lib/config/mod.ts";
import { objectsIn } from "../../scripts/deploy/check/apply.ts";
import {
  chartDigest,
  digestIn,
  type Example,
  EXAMPLES,
  kept,
  renderedPath,
} from "../../scripts/deploy/check/chart.ts";
import { simOptionsOf } from "../../scripts/deploy/check/engine_of_pod.ts";
import { fakeProcess } from "../cli/support.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { KubernetesApi, KubernetesServer, podOf } from "../support/kubernetes_api/mod.ts";

// deno-lint-ignore no-explicit-any
type Manifest = any;

function manifestsOf(example: Example): readonly Manifest[] {
  return objectsIn(Deno.readTextFileSync(renderedPath(example)));
}

function ofKind(manifests: readonly Manifest[], kind: string): readonly Manifest[] {
  return manifests.filter((manifest) => manifest.kind === kind);
}

/** The Deployment of the router, and its container. */
function routerOf(manifests: readonly Manifest[]): { pod: Manifest; container: Manifest } {
  const [deployment] = ofKind(manifests, "Deployment").filter(({ metadata }) =>
    metadata.name === "pd-deployment-router"
  );
  const pod = deployment.spec.template.spec;
  return { pod, container: pod.containers[0] };
}

/** Whether what `selector` asks for is what `labels` have. */
function selects(
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}

const CLUSTER = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };

for (const example of EXAMPLES) {
  Deno.test(`rendered/${example}.yaml is of the chart as it is`, async () => {
    const text = Deno.readTextFileSync(renderedPath(example));
    const digest = await chartDigest(example);
    assert(digestIn(text) === digest, "run `deno task real:deploy --only helm --save`");
  });

  Deno.test(`rendered/${example}.yaml has flags that there are, with values that are right`, () => {
    const { container } = routerOf(manifestsOf(example));
    const { ports } = fakeProcess(CLUSTER);
    const result = loadConfig(parseArgv(FLAGS, container.args), ports);
    assert(result.ok, JSON.stringify(result));
    assert(result.config.discovery.kubernetes !== undefined);
  });

  Deno.test(`rendered/${example}.yaml has Services, budgets and policies that find their pods`, () => {
    const manifests = manifestsOf(example);
    const templates = ofKind(manifests, "Deployment").map(({ spec }) => spec.template);
    const finds = (selector: Readonly<Record<string, string>>): readonly Manifest[] =>
      templates.filter(({ metadata: { labels } }) => selects(selector, labels));
    for (const { spec, metadata } of ofKind(manifests, "Service")) {
      const [template, ...more] = finds(spec.selector);
      assertEquals([template !== undefined, more.length], [true, 0], metadata.name);
      const names = template.spec.containers[0].ports.map((port: Manifest) => port.name);
      for (const { targetPort } of spec.ports) assert(names.includes(targetPort), targetPort);
    }
    for (const { spec, metadata } of ofKind(manifests, "PodDisruptionBudget")) {
      assertEquals(finds(spec.selector.matchLabels).length, 1, metadata.name);
    }
    for (const { spec, metadata } of ofKind(manifests, "NetworkPolicy")) {
      assert(finds(spec.podSelector.matchLabels).length > 0, metadata.name);
    }
    for (const { spec } of ofKind(manifests, "Deployment")) {
      assert(selects(spec.selector.matchLabels, spec.template.metadata.labels));
    }
  });

  Deno.test(`rendered/${example}.yaml gives answers time to end, and the router no rights to spare`, () => {
    const { pod, container } = routerOf(manifestsOf(example));
    const seconds = (flag: string): number =>
      Number(
        container.args.find((arg: string) => arg.startsWith(`--${flag}=`))?.split("=").at(-1),
      );
    const given = pod.terminationGracePeriodSeconds;
    assert(given > seconds("drain-delay") + seconds("drain-timeout"), `${given} s`);
    assertEquals(pod.securityContext.runAsNonRoot, true);
    const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } =
      container.securityContext;
    assertEquals([allowPrivilegeEscalation, readOnlyRootFilesystem], [false, true]);
    assertEquals(capabilities, { drop: ["ALL"] });
    assertEquals(container.readinessProbe.httpGet.path, "/ready");
    assertEquals(container.livenessProbe.httpGet.path, "/health");
  });
}

for (const example of ["lmcache-1p1d", "lmcache-xpyd"] as const) {
  Deno.test(`rendered/${example}.yaml has engines whose settings match one another and the router's`, () => {
    const manifests = manifestsOf(example);
    const { container } = routerOf(manifests);
    const engines = ofKind(manifests, "Deployment").filter(({ spec }) =>
      spec.template.metadata.labels["pd-router/role"] !== undefined
    );
    const [prefill, decode] = ["prefill", "decode"].map((role) => {
      const [{ spec: { template } }] = engines.filter(({ spec }) =>
        spec.template.metadata.labels["pd-router/role"] === role
      );
      const sim = simOptionsOf(template.spec.containers[0], "127.0.0.1");
      assertEquals(sim.role, role);
      return { template, sim };
    });
    assert(prefill !== undefined && decode !== undefined);
    for (const field of ["hashSeed", "chunkSize", "ranks", "models"] as const) {
      assertEquals(prefill.sim[field], decode.sim[field], field);
    }
    assertEquals([prefill.sim.hashSeed, prefill.sim.saveUnfullChunk], ["0", true]);
    assertEquals([decode.sim.prefixCaching, decode.sim.initPorts?.length], [
      false,
      decode.sim.ranks,
    ]);
    const { annotations } = decode.template.metadata;
    assertEquals(annotations["pd-router/nixl-init-ports"], decode.sim.initPorts?.join());
    assertEquals(annotations["pd-router/nixl-alloc-ports"], decode.sim.allocPorts?.join());
    assertEquals(annotations["pd-router/chunk-size"], String(decode.sim.chunkSize));
    const says = (flag: string): string | undefined =>
      container.args.find((arg: string) => arg.startsWith(`--${flag}=`))?.split("=").at(-1);
    assertEquals(Number(says("nixl-proxy-port")), prefill.sim.proxyPort);
    const firstToken = says("nixl-first-token");
    assertEquals(annotations["pd-router/first-token"], firstToken);
    assertEquals(decode.sim.skipLastNTokens, firstToken === "prefill" ? 1 : 0);
    // The notifications' host is a Service of that port, before the router.
    const { env } = prefill.template.spec.containers[0];
    const [{ value: host }] = env.filter(({ name }: Manifest) => name === "LMCACHE_PD_PROXY_HOST");
    const [service] = ofKind(manifests, "Service").filter(({ metadata }) => metadata.name === host);
    assertEquals(service.spec.ports[0].port, prefill.sim.proxyPort);
  });
}

Deno.test("rendered/nixl.yaml starts a router that finds engines by its Role and labels", async () => {
  const manifests = manifestsOf("nixl");
  const { container } = routerOf(manifests);
  const api = new KubernetesApi();
  api.rules = ofKind(manifests, "Role").flatMap(({ rules }) => rules);
  for (const [at, { spec: { template } }] of ofKind(manifests, "Deployment").entries()) {
    const { labels } = template.metadata;
    // Only engines have a role; the router's own pod is not to be found.
    const name = labels["pd-router/role"] ?? "router";
    api.store.create("pods", podOf({ name, ip: `127.0.0.${at + 1}`, port: 9, labels }));
  }
  await using server = new KubernetesServer(api);
  const { ports } = fakeProcess({});
  const args = [...container.args, "--host=127.0.0.1", "--port=0", "--expose-engines"];
  const result = loadConfig(
    parseArgv(FLAGS, [...args, `--k8s-api-server=${server.url}`]),
    ports,
  );
  assert(result.ok, JSON.stringify(result));
  await using app = await startApp(result.config, {
    clock: systemClock(),
    random: seededRandom(1),
    log: silentLogger(),
  });
  let told = "";
  await eventually(async () => {
    const metrics = await fetch(`http://127.0.0.1:${app.address.port}/metrics`);
    told = await metrics.text();
    return /^pd_router_discovery_synced\{source="kubernetes"\} 1$/m.test(told);
  }, () => told.split("\n").filter((line) => line.includes("discovery")).join("\n"));
  assert(/^pd_router_discovery_engines\{source="kubernetes"\} 2$/m.test(told), told);
});

Deno.test("kept() leaves out what is shipped as files, and tells the digest", () => {
  const rendered = "---\nkind: Service\na: 1\n---\nkind: ConfigMap\nb: 2\n---\nkind: Role\n";
  const text = kept("nixl", rendered, "abc123");
  assertEquals(digestIn(text), "abc123");
  assertEquals(objectsIn(text).map(({ kind }) => kind), ["Service", "Role"]);
});

Deno.test("objectsIn() refuses what is no YAML, and a key that is there twice", () => {
  assertThrows(() => objectsIn("a: 1\na: 2\n"), Error, "unique");
  assertThrows(() => objectsIn("a: [\n"), Error);
  assertEquals(objectsIn("---\n---\nkind: Role\n").length, 1);
});
