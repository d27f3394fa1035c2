/** A simulated engine that is told what a pod's container is told, as vLLM and LMCache read it. @module */
import type { SimOptions } from "../../../lib/sim/mod.ts";
import { must } from "../../real/check.ts";

/** A container, as far as it is looked at. */
export interface EngineContainer {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
}

/** What the container's arguments and variables ask for, at `host`. */
export function simOptionsOf(
  { args, env }: EngineContainer,
  host: string,
): Partial<SimOptions> & Pick<SimOptions, "role" | "port"> {
  const flag = (name: string): string | undefined =>
    args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
  const variable = (name: string): string | undefined =>
    env.find((each) => each.name === name)?.value;
  const transfer = JSON.parse(flag("kv-transfer-config") ?? "{}");
  const common = {
    host,
    port: Number(flag("port")),
    models: [args[0] ?? ""],
    ranks: Number(flag("tensor-parallel-size")),
    promptTokensDetails: args.includes("--enable-prompt-tokens-details"),
    prefixCaching: !args.includes("--no-enable-prefix-caching"),
  };
  if (transfer.kv_connector === "NixlConnector") {
    must(transfer.kv_role === "kv_both", `kv_role is ${transfer.kv_role}`);
    must(env.some(({ name }) => name === "VLLM_NIXL_SIDE_CHANNEL_HOST"), "no side channel");
    // Whichever: it is on the side that the pod's label says.
    return { ...common, role: "any", kvConnector: "nixl" };
  }
  must(transfer.kv_connector === "LMCacheConnectorV1", `connector ${transfer.kv_connector}`);
  must(variable("LMCACHE_ENABLE_PD") === "true", "LMCACHE_ENABLE_PD is not set");
  must(variable("LMCACHE_TRANSFER_CHANNEL") === "nixl", "LMCACHE_TRANSFER_CHANNEL is not nixl");
  const extra = transfer.kv_connector_extra_config;
  const saved = variable("LMCACHE_SAVE_UNFULL_CHUNK") === "true" &&
    extra.discard_partial_chunks === false;
  const lmcache = {
    ...common,
    kvConnector: "lmcache",
    hashSeed: variable("PYTHONHASHSEED") ?? "random",
    chunkSize: Number(variable("LMCACHE_CHUNK_SIZE")),
    saveUnfullChunk: saved,
  } as const;
  if (variable("LMCACHE_PD_ROLE") === "sender") {
    must(transfer.kv_role === "kv_producer", `a sender that is ${transfer.kv_role}`);
    // Its host is the name of a Service, which has no address here.
    const proxyPort = Number(variable("LMCACHE_PD_PROXY_PORT"));
    return { ...lmcache, role: "prefill", proxyHost: "127.0.0.1", proxyPort };
  }
  must(transfer.kv_role === "kv_consumer", `a receiver that is ${transfer.kv_role}`);
  const ports = (name: string): readonly number[] => (variable(name) ?? "").split(",").map(Number);
  return {
    ...lmcache,
    role: "decode",
    skipLastNTokens: Number(extra.skip_last_n_tokens),
    initPorts: ports("LMCACHE_PD_PEER_INIT_PORT"),
    allocPorts: ports("LMCACHE_PD_PEER_ALLOC_PORT"),
  };
}
