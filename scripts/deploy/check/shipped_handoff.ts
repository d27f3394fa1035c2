/**
 * A router and engines, started with the arguments, variables, labels, annotations and rights that the
 * chart gives them: whether they find one another and hand off.
 * @module
 */
import { silentLogger, systemClock, systemRandom } from "../../../lib/base/mod.ts";
import { type SimEngine, startSimEngine } from "../../../lib/sim/mod.ts";
import { freePort } from "../../../tests/support/cluster.ts";
import { must } from "../../real/check.ts";
import type { KubernetesObject } from "../../real/kubernetes/client.ts";
import type { ControlPlane } from "../../real/kubernetes/control_plane.ts";
import { until } from "../../real/process.ts";
import { startRouter } from "../../real/router.ts";
import { apply, objectsIn } from "./apply.ts";
import { type Example, valuesPath } from "./chart.ts";
import { simOptionsOf } from "./engine_of_pod.ts";
import type { Stage } from "./stage.ts";

/** Longest until the router has found all engines, in milliseconds. */
const FOUND_MS = 20_000;

/** Handoffs that are asked for. */
const REQUESTS = 6;

// deno-lint-ignore no-explicit-any
type Workload = any;

/** Start them, ask, and tell what was seen. */
export async function handoffAsShipped(
  stage: Stage,
  plane: ControlPlane,
  example: Example,
): Promise<string> {
  const namespace = `run-${example}`;
  await plane.admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  const [kvPort, enginePort, initPort, allocPort] = [
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ];
  const objects = objectsIn(
    await stage.helm.template([
      ...["-f", valuesPath(example), "--namespace", namespace],
      // Ports that are free here, by the values that an operator would choose them by.
      ...["--set", `routerSpec.kv.port=${kvPort}`, "--set", `engines.port=${enginePort}`],
      ...["--set", `engines.lmcache.initPort=${initPort}`],
      ...["--set", `engines.lmcache.allocPort=${allocPort}`],
    ]),
  );
  for (const object of objects) await apply(plane.admin, object, { isDry: false });
  await using stack = new AsyncDisposableStack();
  const engines: { readonly role: string; readonly sim: SimEngine }[] = [];
  for (const workload of workloads(objects)) {
    const role = workload.spec.template.metadata.labels["pd-router/role"];
    if (role === undefined) continue;
    for (let at = 0; at < workload.spec.replicas; at++) {
      const address = `127.0.7.${engines.length + 10}`;
      engines.push({ role, sim: stack.use(await startPod(plane, workload, address, at)) });
    }
  }
  const [router] = workloads(objects).filter(({ metadata }) =>
    metadata.name === "pd-deployment-router"
  );
  const { serviceAccountName, containers: [{ args, ports }] } = router.spec.template.spec;
  must(
    ports.every(({ containerPort }: { readonly containerPort: number }) =>
      args.some((arg: string) => arg.endsWith(`port=${containerPort}`))
    ),
    "a port of the container is none of the router's",
  );
  const token = await tokenFile(stage, plane, namespace, serviceAccountName);
  const running = await startRouter(
    stage.processes,
    stage.logs,
    `${namespace}-router`,
    freePort(),
    // What is given last counts: here are no network and no files of a pod.
    [
      ...args.filter((arg: string) => !arg.startsWith("--port=")),
      ...["--host=127.0.0.1", "--nixl-proxy-host=127.0.0.1", "--expose-engines"],
      ...[`--k8s-api-server=${plane.url}`, `--k8s-token-file=${token}`],
      `--k8s-ca-file=${plane.caFile}`,
    ].filter((arg) => !isInTheWay(arg, example)),
  );
  stack.defer(() => running.process.stop());
  const found = await until(async () => {
    const told = await (await fetch(`${running.url}/engines`)).json();
    return told.length === engines.length &&
      told.every(({ serving_models: models }: Workload) => models.length > 0);
  }, FOUND_MS);
  must(found, `the router has not found ${engines.length} engines`);
  for (let at = 0; at < REQUESTS; at++) await ask(running.url, engines, at);
  const handed = [...await running.routes()].filter(([route]) => route.startsWith("handoff_"));
  const [[route, count] = ["none", 0]] = handed;
  must(count === REQUESTS, `${count} handoffs of ${REQUESTS} requests: ${route}`);
  const decodes = engines.filter(({ role }) => role === "decode").map(({ sim }) => sim.stats());
  const hits = decodes.reduce((sum, { externalHits }) => sum + externalHits, 0);
  const again = decodes.reduce((sum, { recomputes }) => sum + recomputes, 0);
  must(hits === REQUESTS && again === 0, `KV found ${hits} times, computed again ${again} times`);
  return `${engines.length} engines found by a token of the account; ${count} ${route}, KV found`;
}

/** Canaries are handoffs too, and no notifications are received for others' protocols. */
function isInTheWay(arg: string, example: Example): boolean {
  return arg.startsWith("--canary") || (example === "nixl" && arg.startsWith("--nixl-proxy"));
}

function workloads(objects: readonly KubernetesObject[]): readonly Workload[] {
  return objects.filter(({ kind }) => kind === "Deployment");
}

/** A pod of the workload's own template, as its controller would make it, and the engine in it. */
async function startPod(
  { admin }: ControlPlane,
  { metadata: { name, namespace }, spec: { template } }: Workload,
  address: string,
  at: number,
): Promise<SimEngine> {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...template.metadata, name: `${name}-${at}`, namespace },
    spec: { ...template.spec, nodeName: "node" },
  };
  await admin.create(pod);
  const options = simOptionsOf(template.spec.containers[0], address);
  const sim = await startSimEngine(options, {
    clock: systemClock(),
    random: systemRandom(),
    log: silentLogger(),
  });
  await admin.patch(pod, {
    status: {
      phase: "Running",
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: [{ type: "Ready", status: "True" }],
    },
  }, "/status");
  return sim;
}

async function tokenFile(
  { folder }: Stage,
  { admin }: ControlPlane,
  namespace: string,
  account: string,
): Promise<string> {
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "token", namespace } };
  await admin.create(secret);
  const path = `${folder}/${namespace}.token`;
  await Deno.writeTextFile(path, await admin.tokenOf(namespace, account, secret), { mode: 0o600 });
  return path;
}

async function ask(
  url: string,
  engines: readonly { readonly sim: SimEngine }[],
  at: number,
): Promise<void> {
  const { data: [{ id: model }] } = await (await fetch(`${url}/v1/models`)).json();
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    // Longer than a chunk: KV has to come.
    body: JSON.stringify({ model, prompt: `${at} ${"The river. ".repeat(200)}`, max_tokens: 8 }),
  });
  const text = await response.text();
  must(response.status === 200, `${response.status} of ${engines.length} engines: ${text}`);
}
