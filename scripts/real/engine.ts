/** Real engines: how each role is started, and what it tells about itself. @module */
import type { Environment } from "./environment.ts";
import type { Processes, Running } from "./process.ts";

/** The name requests give the model by. */
export const MODEL = "tiny-llama";

/** Longest prompt and answer together, in tokens. */
export const MAX_MODEL_LEN = 2048;

/** Tokens of one block of vLLM's KV cache on CPUs. */
export const BLOCK_TOKENS = 128;

/** How long an engine has until it serves: several start side by side on few cores. */
const START_MS = 480_000;

/** What a kind of engine adds to the plain one. */
export interface EngineKind {
  readonly name: string;
  readonly port: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** An engine that serves. */
export interface RealEngine {
  readonly name: string;
  readonly port: number;
  readonly url: string;
  readonly process: Running;
  /** Sum of a metric's samples over its labels; 0 when it has none. */
  metric(name: string, labels?: string): Promise<number>;
}

/** Start an engine; resolves when it serves. */
export async function startEngine(
  processes: Processes,
  { python, model }: Environment,
  logs: string,
  { name, port, args = [], env = {} }: EngineKind,
): Promise<RealEngine> {
  const url = `http://127.0.0.1:${port}`;
  const process = processes.start({
    name,
    command: python,
    args: [
      ...["-m", "vllm.entrypoints.cli.main", "serve", model, "--served-model-name", MODEL],
      ...["--host", "127.0.0.1", "--port", String(port)],
      ...["--enforce-eager", "--dtype", "float32", "--seed", "0"],
      ...["--max-model-len", String(MAX_MODEL_LEN), "--max-num-seqs", "32"],
      "--enable-prompt-tokens-details",
      ...["--enable-auto-tool-choice", "--tool-call-parser", "hermes"],
      ...args,
    ],
    env: {
      VLLM_CPU_KVCACHE_SPACE: "1", // GiB
      VLLM_CPU_OMP_THREADS_BIND: "nobind",
      OMP_NUM_THREADS: "1",
      // The worker within the engine's own process: two that wait for each other keep cores busy.
      VLLM_ENABLE_V1_MULTIPROCESSING: "0",
      VLLM_HOST_IP: "127.0.0.1",
      VLLM_NO_USAGE_STATS: "1",
      DO_NOT_TRACK: "1",
      LMCACHE_TRACK_USAGE: "false",
      HF_HUB_OFFLINE: "1",
      TRANSFORMERS_OFFLINE: "1",
      NO_COLOR: "1",
      ...env,
    },
    log: `${logs}/${name}.log`,
  });
  await process.serving(`${url}/health`, START_MS);
  const metric = async (metricName: string, labels = ""): Promise<number> =>
    sumOf(await (await fetch(`${url}/metrics`)).text(), metricName, labels);
  return { name, port, url, process, metric };
}

/** An engine with vLLM's NixlConnector, and the port its peers reach it at. */
export function nixlKind(name: string, port: number, sidePort: number): EngineKind {
  const config = {
    kv_connector: "NixlConnector",
    kv_role: "kv_both",
    kv_buffer_device: "cpu",
    kv_connector_extra_config: { kv_lease_duration: LEASE_SECONDS },
  };
  return {
    name,
    port,
    args: ["--kv-transfer-config", JSON.stringify(config)],
    env: {
      VLLM_NIXL_SIDE_CHANNEL_HOST: "127.0.0.1",
      VLLM_NIXL_SIDE_CHANNEL_PORT: String(sidePort),
    },
  };
}

/** How long a prefill engine keeps KV that nobody reads; 30 s by default. */
export const LEASE_SECONDS = 12;

/**
 * Sum of the samples of `name` in Prometheus' text format whose labels contain `labels`.
 * @example sumOf('a{b="c"} 2\na{b="d"} 3\n', "a", 'b="c"') // 2
 */
export function sumOf(text: string, name: string, labels = ""): number {
  let sum = 0;
  for (const line of text.split("\n")) {
    if (!line.startsWith(name)) continue;
    const rest = line.slice(name.length);
    if (!/^[{ ]/.test(rest) || !rest.includes(labels)) continue;
    sum += Number(rest.slice(rest.lastIndexOf(" ") + 1));
  }
  return sum;
}
