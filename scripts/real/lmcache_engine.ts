/** Engines with LMCache's prefill/decode backend: their configuration and flags. @module */
import type { EngineKind } from "./engine.ts";

const PLUGIN = new URL("./lmcache/", import.meta.url).pathname;

/** Tokens of one of LMCache's chunks: small, so that prompts have several. */
export const CHUNK_TOKENS = 64;

/** Bytes of each side's KV buffer. */
const BUFFER_BYTES = 24 * 2 ** 20;

/** Bytes of one token's KV in the tiny model: keys and values, 3 layers, 64 float32 each. */
const TOKEN_BYTES = 2 * 3 * 64 * 4;

/** Tokens the receiver's buffer can hold at once. */
export const BUFFER_TOKENS = BUFFER_BYTES / TOKEN_BYTES;

/** Where notifications go. */
export interface ProxyAddress {
  readonly port: number;
}

/** Where a receiver is reached by senders. */
export interface ReceiverPorts {
  readonly init: number;
  readonly alloc: number;
}

/** Of both roles. */
const COMMON = [
  "local_cpu: false",
  "max_local_cpu_size: 0",
  "enable_pd: true",
  "transfer_channel: nixl",
  "nixl_backends: [UCX]",
  "pd_buffer_device: cpu",
  `pd_buffer_size: ${BUFFER_BYTES}`,
  `chunk_size: ${CHUNK_TOKENS}`,
  "save_unfull_chunk: true",
  "save_decode_cache: false",
];

/** A prefill engine whose workers notify `proxy`. */
export async function senderKind(
  folder: string,
  name: string,
  port: number,
  proxy: ProxyAddress,
): Promise<EngineKind> {
  return await lmcacheKind(folder, name, port, "kv_producer", {}, [
    "pd_role: sender",
    "pd_proxy_host: 127.0.0.1",
    `pd_proxy_port: ${proxy.port}`,
  ]);
}

/** A decode engine that is handed prompts with (`1`) or without (`0`) a first token. */
export async function receiverKind(
  folder: string,
  name: string,
  port: number,
  ports: ReceiverPorts,
  skipLastTokens: 0 | 1,
): Promise<EngineKind> {
  const kind = await lmcacheKind(
    folder,
    name,
    port,
    "kv_consumer",
    { skip_last_n_tokens: skipLastTokens },
    [
      "pd_role: receiver",
      "pd_peer_host: 127.0.0.1",
      `pd_peer_init_port: [${ports.init}]`,
      `pd_peer_alloc_port: [${ports.alloc}]`,
    ],
  );
  // Prompts cached by vLLM itself would leave LMCache's pages unread (LMCache issue 2933).
  return { ...kind, args: [...kind.args ?? [], "--no-enable-prefix-caching"] };
}

async function lmcacheKind(
  folder: string,
  name: string,
  port: number,
  role: string,
  extra: Readonly<Record<string, unknown>>,
  lines: readonly string[],
): Promise<EngineKind> {
  const file = `${folder}/${name}.yaml`;
  await Deno.writeTextFile(file, `${[...COMMON, ...lines].join("\n")}\n`);
  const config = {
    kv_connector: "LMCacheConnectorV1",
    kv_connector_module_path: "lmcache_cpu",
    kv_role: role,
    kv_connector_extra_config: {
      discard_partial_chunks: false,
      lmcache_rpc_port: name,
      ...extra,
    },
  };
  return {
    name,
    port,
    args: ["--kv-transfer-config", JSON.stringify(config)],
    env: {
      LMCACHE_CONFIG_FILE: file,
      LMCACHE_DISABLE_BANNER: "1",
      PYTHONHASHSEED: "0",
      PYTHONPATH: PLUGIN,
      PYTHONDONTWRITEBYTECODE: "1",
    },
  };
}
