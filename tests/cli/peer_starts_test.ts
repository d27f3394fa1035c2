import { systemClock } from "../../lib/base/mod.ts";
import { dispatch } from "../../lib/cli/dispatch.ts";
import { createSharedStore, type SimEngine } from "../../lib/sim/mod.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { MODEL, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import {
  KubernetesApi,
  KubernetesServer,
  serviceOf,
  sliceOf,
} from "../support/kubernetes_api/mod.ts";
import { startPod } from "../support/kubernetes_fleet.ts";
import { post } from "../support/router.ts";
import { PEER_STARTS, type PeerStart } from "./peer_starts.ts";
import { fakeProcess } from "./support.ts";

/** The values of a flag that is given as `--name value`, split at commas. */
function valuesOf(args: readonly string[], flag: string): readonly string[] {
  const at = args.indexOf(flag);
  return at < 0 ? [] : args[at + 1]?.split(",") ?? [];
}

/** Simulated engines in place of those of the example, with their models and roles. */
async function enginesFor(args: readonly string[]): Promise<readonly SimEngine[]> {
  const labels = valuesOf(args, "--static-model-labels");
  const prefill = valuesOf(args, "--prefill-model-labels");
  const decode = valuesOf(args, "--decode-model-labels");
  const sharedStore = createSharedStore();
  return await Promise.all(
    valuesOf(args, "--static-models").map((model, index) => {
      const label = labels[index] ?? "";
      const role = prefill.includes(label) ? "prefill" : decode.includes(label) ? "decode" : "any";
      const kv = role === "any" ? {} : { kvConnector: "shared_storage" as const, sharedStore };
      return startSim({ role, models: [model], ...kv }, index + 1);
    }),
  );
}

/** `args` with the engines' addresses, and any free port of this machine, in place of the example's. */
function onLoopback(args: readonly string[], engines: readonly SimEngine[]): readonly string[] {
  const backends = args.indexOf("--static-backends") + 1;
  const changed = args.map((argument, index) =>
    index === backends && backends > 0 ? engines.map(({ url }) => url).join(",") : argument
  );
  return [...changed, "--host", "127.0.0.1", "--port", "0"];
}

/** The cluster that a start finds its engines in, and what it serves; undefined for none. */
async function clusterFor(
  args: readonly string[],
  stack: AsyncDisposableStack,
): Promise<{ readonly flags: readonly string[]; readonly models: readonly string[] } | undefined> {
  const all = new Map(args.flatMap((argument, at) => {
    const [name = "", value = args[at + 1] ?? ""] = argument.split(/=(.*)/);
    return name.startsWith("--") ? [[name, value] as const] : [];
  }));
  if (all.get("--service-discovery") !== "k8s") return undefined;
  const api = new KubernetesApi(undefined, all.get("--k8s-namespace"));
  const server = stack.use(new KubernetesServer(api));
  const flags = ["--k8s-api-server", server.url];
  const labels = Object.fromEntries(
    (all.get("--k8s-label-selector") ?? "").split(",").map((pair) => pair.split("=")),
  );
  if (all.get("--k8s-service-discovery-type") === "service-name") {
    const service = serviceOf("vllm", "m");
    api.store.create("services", { ...service, metadata: { ...service.metadata, labels } });
    api.store.create("endpointslices", sliceOf("vllm-1", "vllm", [true]));
    return { flags, models: [] };
  }
  const kv = { kvConnector: "shared_storage" as const, sharedStore: createSharedStore() };
  const roles = all.has("--prefill-model-labels")
    ? ["prefill", "decode"] as const
    : ["any"] as const;
  for (const role of roles) {
    const model = all.get(`--${role}-model-labels`) ?? "m";
    const shape = { name: `vllm-${role}`, labels: { ...labels, model } };
    stack.use(await startPod(server, shape, { role, ...(role === "any" ? {} : kv) }));
  }
  return { flags, models: [MODEL] };
}

async function serves({ args, env, warns }: PeerStart): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const cluster = await clusterFor(args, stack);
  const engines = await enginesFor(args);
  for (const engine of engines) stack.use(engine);
  const { ports, out, err, signals } = fakeProcess(env);
  const given = [...onLoopback(args, engines), ...cluster?.flags ?? []];
  const served = dispatch(given, { ...ports, clock: systemClock() });
  const url = (): string => /Serving on (http:\S+)/.exec(out.text)?.[1] ?? "";
  await eventually(() => url() !== "", () => `${out.text}${err.text}`);
  try {
    const health = await fetch(`${url()}/health`);
    assertEquals(await health.json(), { status: "healthy" });
    const [alias] = valuesOf(args, "--static-aliases").map((pair) => pair.split(":")[0]);
    const models = new Set(cluster?.models ?? valuesOf(args, "--static-models"));
    for (const model of alias === undefined ? models : [...models, alias]) {
      const body = { model, prompt: "Once upon a time", max_tokens: 4 };
      const answer = await post(`${url()}/v1/completions`, body, { headers: { "x-user-id": "u" } });
      const { choices } = await answer.json();
      assertEquals([answer.status, choices.length], [200, 1], model);
    }
    if (cluster !== undefined) {
      const metrics = await (await fetch(`${url()}/metrics`)).text();
      assertMatch(metrics, /^pd_router_discovery_engines\{source="kubernetes"\} [12]$/m);
    }
    if (warns !== undefined) assertStringIncludes(err.text, warns);
  } finally {
    signals.send("SIGTERM");
    assertEquals(await served, 0);
  }
}

async function isRefused({ args, env, refused = [] }: PeerStart): Promise<void> {
  const { ports, out, err } = fakeProcess(env);
  assertEquals([await dispatch(args, ports), out.text], [2, ""]);
  for (const part of refused) assertStringIncludes(err.text, part);
  assert(!err.text.includes("unknown flag"), err.text);
}

for (const start of PEER_STARTS) {
  const what = start.refused === undefined ? "serves" : "is refused, with what to do instead";
  Deno.test(`pd-router with the arguments of ${start.name} ${what}`, async () => {
    await (start.refused === undefined ? serves(start) : isRefused(start));
  });
}
