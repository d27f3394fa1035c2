/** Every flag of a simulated engine: the one table behind parsing, defaults and help. @module */
import { faultNames } from "./faults.ts";

/** One flag of `pd-router sim`, without its leading dashes. */
export interface SimFlag {
  readonly name: string;
  readonly type: "string" | "int" | "float" | "flag";
  /** Undefined: decided by other flags, as the help says. */
  readonly default: string | number | boolean | undefined;
  readonly help: string;
  readonly repeatable?: boolean;
  readonly choices?: readonly string[];
}

/** The flags, in the order of the help. */
export const SIM_FLAGS: readonly SimFlag[] = [
  {
    name: "role",
    type: "string",
    default: "any",
    choices: ["prefill", "decode", "any"],
    help: "What the engine does in a handoff",
  },
  { name: "host", type: "string", default: "127.0.0.1", help: "Address to listen on" },
  { name: "port", type: "int", default: 0, help: "HTTP port; 0 for a free one" },
  {
    name: "model",
    type: "string",
    default: "sim-model",
    repeatable: true,
    help: "Name of the model served; repeatable, the first is the base model",
  },
  { name: "max-model-len", type: "int", default: 131072, help: "Longest prompt plus output" },
  {
    name: "max-new-tokens",
    type: "int",
    default: undefined,
    help: "max_new_tokens of the model's generation config: the limit of chats that set none",
  },
  {
    name: "override-max-new-tokens",
    type: "int",
    default: undefined,
    help: "The same by --override-generation-config: a limit of all answers besides",
  },
  { name: "ranks", type: "int", default: 1, help: "Worker processes (tensor x pipeline parallel)" },
  { name: "mla", type: "flag", default: false, help: "Only rank 0 stores KV and notifies" },
  {
    name: "kv-connector",
    type: "string",
    default: undefined,
    choices: ["none", "lmcache", "nixl", "shared_storage"],
    help: "How KV moves; lmcache for prefill and decode, none for any, unless given",
  },
  { name: "chunk-size", type: "int", default: 256, help: "Tokens per KV chunk" },
  {
    name: "no-save-unfull-chunk",
    type: "flag",
    default: false,
    help: "Keep no KV of a last chunk that is not full",
  },
  {
    name: "skip-last-n-tokens",
    type: "int",
    default: 1,
    help: "Prompt tokens left out of the KV lookup: 1 with the first token from prefill, else 0",
  },
  { name: "hash-seed", type: "string", default: "0", help: "PYTHONHASHSEED; equal on all engines" },
  {
    name: "on-miss",
    type: "string",
    default: "recompute",
    choices: ["recompute", "fail"],
    help: "What a decode does without the KV it looks up",
  },
  { name: "proxy-host", type: "string", default: undefined, help: "LMCache pd_proxy_host" },
  { name: "proxy-port", type: "int", default: 7500, help: "LMCache pd_proxy_port" },
  {
    name: "init-port",
    type: "int",
    default: 0,
    repeatable: true,
    help: "LMCache pd_peer_init_port, one per rank; 0 for free ones",
  },
  {
    name: "alloc-port",
    type: "int",
    default: 0,
    repeatable: true,
    help: "LMCache pd_peer_alloc_port, one per rank; 0 for free ones",
  },
  {
    name: "generation",
    type: "string",
    default: "D",
    choices: ["A", "B", "C", "D"],
    help: "Generation of the LMCache messages",
  },
  {
    name: "notify",
    type: "string",
    default: "after",
    help: "KV-ready notification: before or after the answer, or so many milliseconds after it",
  },
  { name: "prefill-ms-per-token", type: "float", default: 0, help: "Time to compute a token's KV" },
  { name: "ttft-ms", type: "float", default: 0, help: "Time to the first token besides" },
  { name: "itl-ms", type: "float", default: 0, help: "Time between tokens" },
  { name: "max-num-seqs", type: "int", default: 1024, help: "Requests that run at a time" },
  { name: "stream-interval", type: "int", default: 1, help: "Tokens per stream event" },
  {
    name: "events-per-write",
    type: "int",
    default: 16,
    help: "Most stream events in one write when the engine is ahead of its clock",
  },
  {
    name: "no-first-token",
    type: "flag",
    default: false,
    help: "Never return kv_transfer_params.first_tok",
  },
  { name: "api-key", type: "string", default: undefined, help: "Bearer token asked of clients" },
  {
    name: "detokenizer",
    type: "string",
    default: "fast",
    choices: ["fast", "slow"],
    help: "Behind a prompt that ends inside a character: fast repeats the prompt's text, slow " +
      "loses the character",
  },
  {
    name: "no-tool-parser",
    type: "flag",
    default: false,
    help: "Find no tool calls in the text, and refuse tool_choice auto",
  },
  {
    name: "reasoning-parser",
    type: "string",
    default: "uncounted",
    choices: ["none", "uncounted", "counted"],
    help: "Whether reasoning is found in the text, and counted in usage as vLLM's parsers do",
  },
  {
    name: "no-scale-out",
    type: "flag",
    default: false,
    help: "Refuse the render endpoints, as vLLM does without --enable-scale-out",
  },
  {
    name: "enable-prompt-tokens-details",
    type: "flag",
    default: false,
    help: "Report cached prompt tokens in usage",
  },
  {
    name: "no-prefix-caching",
    type: "flag",
    default: undefined,
    help: "Keep no KV of earlier prompts; so on decode engines unless given",
  },
  { name: "block-size", type: "int", default: 16, help: "Tokens per KV block of the engine" },
  { name: "cache-dtype", type: "string", default: "auto", help: "Type of the KV cache, as told" },
  {
    name: "vllm-version",
    type: "string",
    default: undefined,
    help: "Version that is told; that of the vLLM whose answers are given unless given",
  },
  { name: "kv-blocks", type: "int", default: 65536, help: "Blocks the prefix cache holds" },
  { name: "kv-lease-ms", type: "float", default: 30000, help: "Nixl: lease on KV to be pulled" },
  {
    name: "kv-load-failure-policy",
    type: "string",
    default: "fail",
    choices: ["fail", "recompute"],
    help: "Nixl: what a decode does when KV cannot be pulled",
  },
  {
    name: "error-style",
    type: "string",
    default: "event",
    choices: ["finish", "status", "event"],
    help:
      "How a failed KV load shows: as finish_reason error (earlier vLLM), as status 500 always, or " +
      "as an error event in streams",
  },
  {
    name: "side-channel-host",
    type: "string",
    default: undefined,
    help: "Nixl: address KV is pulled from, as decode engines reach it; --host unless given",
  },
  { name: "side-channel-port", type: "int", default: 0, help: "Nixl: port KV is pulled from" },
  { name: "kv-events-endpoint", type: "string", default: undefined, help: "e.g. tcp://*:5557" },
  { name: "kv-events-replay", type: "string", default: undefined, help: "e.g. tcp://*:5558" },
  { name: "kv-events-topic", type: "string", default: "", help: "Topic of KV events" },
  {
    name: "kv-events-encoding",
    type: "string",
    default: "map",
    choices: ["array", "map", "map-batch"],
    help: "Encoding of KV events: of vLLM up to 0.23, later, or with the batch a map too",
  },
  {
    name: "leak-after-ms",
    type: "float",
    default: 60000,
    help: "Unread KV older counts as leaked",
  },
  { name: "seed", type: "int", default: 0, help: "The model's weights, so to speak" },
  {
    name: "fault",
    type: "string",
    default: undefined,
    repeatable: true,
    help: "A fault as NAME or NAME=VALUE: a count, a probability below 1, or always; " +
      `names: ${faultNames().join(", ")}`,
  },
];
