/** What the chart tells its engines, read by vLLM and LMCache themselves. @module */
import { EngineLimit, must } from "../../real/check.ts";
import { run } from "../../real/process.ts";
import { objectsIn } from "./apply.ts";
import { type Example, renderedPath } from "./chart.ts";
import { type EngineContainer, simOptionsOf } from "./engine_of_pod.ts";
import type { Stage } from "./stage.ts";

const GROUP = "engines";

const HERE = new URL("./", import.meta.url).pathname;

/** An address for what a pod is told of its own. */
const OWN = "10.0.0.2";

// deno-lint-ignore no-explicit-any
type Told = any;

/** All checks. */
export async function engineChecks({ checks }: Stage): Promise<void> {
  for (const example of ["lmcache-1p1d", "lmcache-xpyd", "nixl"] as const) {
    for (const role of ["prefill", "decode"] as const) {
      await checks.run(GROUP, `${example}: vLLM takes the ${role} engine's arguments`, async () => {
        const container = await containerOf(example, role);
        const sim = simOptionsOf(container, OWN);
        const fields = ["model_tag", "port", "tensor_parallel_size", "enable_prefix_caching"];
        const told = await ask("read_vllm.py", [
          ...[...fields, "kv_transfer_config", "--", ...container.args],
        ]);
        must(told.model_tag === sim.models?.[0] && told.port === sim.port, JSON.stringify(told));
        must(told.tensor_parallel_size === sim.ranks, JSON.stringify(told));
        const { kv_connector: connector, kv_role: kvRole } = told.kv_transfer_config;
        return `${connector}, ${kvRole}, ${told.tensor_parallel_size} ranks`;
      });
      if (example === "nixl") continue;
      await checks.run(
        GROUP,
        `${example}: LMCache reads the ${role} engine's variables as they are meant`,
        async () => await lmcacheReads(await containerOf(example, role)),
      );
    }
  }
}

async function lmcacheReads(container: EngineContainer): Promise<string> {
  const sim = simOptionsOf(container, OWN);
  const fields = ["enable_pd", "pd_role", "transfer_channel", "chunk_size", "save_unfull_chunk"];
  const ports = ["pd_peer_init_port", "pd_peer_alloc_port", "pd_proxy_port", "pd_buffer_size"];
  const variables = container.env.filter(({ name }) => name.startsWith("LMCACHE_"));
  const env = Object.fromEntries(variables.map(({ name, value = OWN }) => [name, value]));
  const told = await ask("read_lmcache.py", [...fields, ...ports, "pd_peer_host"], env);
  const wanted = sim.role === "prefill"
    ? { pd_role: "sender", pd_proxy_port: sim.proxyPort, pd_peer_host: null }
    : {
      pd_role: "receiver",
      pd_peer_init_port: sim.initPorts,
      pd_peer_alloc_port: sim.allocPorts,
      pd_peer_host: OWN,
    };
  const all = { ...wanted, enable_pd: true, transfer_channel: "nixl", chunk_size: sim.chunkSize };
  for (const [name, value] of Object.entries(all)) {
    must(JSON.stringify(told[name]) === JSON.stringify(value), `${name} is ${told[name]}`);
  }
  must(told.save_unfull_chunk === true, "save_unfull_chunk is not set");
  return `${told.pd_role}, ${told.pd_buffer_size} bytes`;
}

async function containerOf(example: Example, role: string): Promise<EngineContainer> {
  const objects: readonly Told[] = objectsIn(await Deno.readTextFile(renderedPath(example)));
  const [found] = objects.filter(({ kind, spec }) =>
    kind === "Deployment" && spec.template.metadata.labels["pd-router/role"] === role
  );
  must(found !== undefined, `no ${role} engine`);
  return found.spec.template.spec.containers[0];
}

/** The JSON that a script prints last, in the environment of `task real`. */
async function ask(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Told> {
  const said = await run(await pythonOfReal(), [HERE + script, ...args], {
    ...env,
    PYTHONDONTWRITEBYTECODE: "1",
    VLLM_LOGGING_LEVEL: "ERROR",
    VLLM_NO_USAGE_STATS: "1",
    HF_HUB_OFFLINE: "1",
  });
  return JSON.parse(said.trim().split("\n").at(-1) ?? "");
}

async function pythonOfReal(): Promise<string> {
  const home = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;
  try {
    for await (const { name } of Deno.readDir(`${home}/pd-router-real`)) {
      const python = `${home}/pd-router-real/${name}/venv/bin/python`;
      if ((await Deno.stat(python)).isFile) return python;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw new EngineLimit("there is no vLLM: `deno task real` makes its environment");
}
