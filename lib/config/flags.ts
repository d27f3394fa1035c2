/**
 * The one table of flags: parsing, environment names, file keys, help and documentation follow it.
 *
 * Names, meanings and defaults shared with the router of vllm-project/production-stack are its own
 * (`src/vllm_router/parsers/parser.py`, and pull request 913 for `--nixl-*`).
 * @module
 */
import { KV_NAMES, LOG_LEVELS } from "../base/mod.ts";
import { FIRST_TOKENS } from "./first_token.ts";
import { ADMIN_FLAGS } from "./flags_admin.ts";
import { ADMISSION_FLAGS } from "./flags_admission.ts";
import { ANSWER_FLAGS } from "./flags_answers.ts";
import { BATCH_FLAGS } from "./flags_batch.ts";
import { BUFFER_FLAGS } from "./flags_buffers.ts";
import { CHECK_FLAGS } from "./flags_checks.ts";
import { CLIENT_FLAGS } from "./flags_clients.ts";
import { CLUSTER_FLAGS } from "./flags_cluster.ts";
import { CONTROL_FLAGS } from "./flags_control.ts";
import { ELASTIC_FLAGS } from "./flags_elastic.ts";
import { HEALTH_FLAGS } from "./flags_health.ts";
import { HOOK_FLAGS } from "./flags_hooks.ts";
import { API_KEYS_VARIABLE, DOOR_FLAGS } from "./flags_doors.ts";
import { COMPATIBILITY_FLAGS } from "./flags_compatibility.ts";
import { DESCRIPTOR_FLAGS } from "./flags_descriptors.ts";
import { DNS_FLAGS } from "./flags_dns.ts";
import { GATES_VARIABLE } from "./feature_gates.ts";
import { PEER_FLAGS } from "./flags_peer.ts";
import { PROVIDER_FLAGS } from "./flags_providers.ts";
import { KUBERNETES_FLAGS } from "./flags_kubernetes.ts";
import { KV_EVENT_FLAGS } from "./flags_kv_events.ts";
import { LIFE_FLAGS } from "./flags_life.ts";
import { LIFECYCLE_FLAGS } from "./flags_lifecycle.ts";
import { LMCACHE_FLAGS } from "./flags_lmcache.ts";
import { OBSERVE_FLAGS } from "./flags_observe.ts";
import { PROOF_FLAGS } from "./flags_proof.ts";
import { RELOAD_FLAGS } from "./flags_reload.ts";
import { REQUEST_FLAGS } from "./flags_requests.ts";
import { STATS_FLAGS } from "./flags_stats.ts";
import type { EnvironmentOnly, Flag, FlagGroup } from "./flag.ts";
import { POLICY_FLAGS } from "./flags_policies.ts";
import { TRACING_FLAGS, TRACING_VARIABLES } from "./flags_tracing.ts";
import { WORKER_FLAGS } from "./flags_workers.ts";
import { WORTH_FLAGS } from "./flags_worth.ts";
import { PROXY_SOCKETS, TOKENIZE_WAYS } from "./schema.ts";

const PORT = [1, 65_535] as const;
/** One millisecond to one week: none of these waits may be endless. */
const WAIT = [0.001, 604_800] as const;

/** Flags of this router that do something, by the heading of the help text. */
const SUPPORTED_GROUPS = [
  {
    title: "Serving",
    flags: [
      { name: "host", type: "host", default: "0.0.0.0", help: "Address to listen on" },
      {
        name: "port",
        type: "int",
        default: 8001,
        range: [0, 65_535],
        help: "Port to listen on; 0 takes any free one",
      },
      {
        name: "root-path",
        type: "route",
        default: "",
        help: "Path prefix that a proxy in front strips or keeps, e.g. /llm",
      },
      {
        name: "config",
        type: "file",
        help: "YAML or JSON file: every flag's name with underscores as key, and `engines`",
      },
      {
        name: "max-request-bytes",
        type: "int",
        default: 64 * 1024 * 1024,
        range: [1, 2 ** 31 - 1],
        help: "Largest request body, in bytes",
      },
    ],
  },
  CLIENT_FLAGS,
  ANSWER_FLAGS,
  REQUEST_FLAGS,
  ADMISSION_FLAGS,
  BUFFER_FLAGS,
  DOOR_FLAGS,
  DESCRIPTOR_FLAGS,
  WORKER_FLAGS,
  CLUSTER_FLAGS,
  CONTROL_FLAGS,
  ADMIN_FLAGS,
  OBSERVE_FLAGS,
  TRACING_FLAGS,
  {
    title: "Engines",
    flags: [
      {
        name: "prefill",
        type: "specs",
        help: "A prefill engine: 'URL;model=M;notifications=N', everything but the URL optional; " +
          "repeatable. Models are read from the engine when not given; chunk_size=C, here and with " +
          "--decode, is LMCache's: engines of unequal ones are not paired. Implies --routing-logic " +
          "disaggregated_prefill and --nixl-proxy-host 0.0.0.0",
      },
      {
        name: "decode",
        type: "specs",
        help: "A decode engine: 'URL;init=P,P;alloc=P,P;query=P,P;host=H;model=M', likewise; " +
          "repeatable. The ports are LMCache's pd_peer_init_port, pd_peer_alloc_port and " +
          "pd_peer_query_port, one per rank; the host is the URL's when not given. " +
          "first_token=decode|both and kv_protocol=nixl|shared_storage say what differs from " +
          "--nixl-first-token and --kv-protocol; topology=zone:A,rack:R, here and with --prefill, " +
          "where it stands, for pair_score",
      },
      {
        name: "service-discovery",
        type: "string",
        choices: ["static", "k8s", "dns", "external-only"],
        help: "Where engines are found; static when --static-backends is given; k8s for pods or " +
          "Services of a cluster, and dns for the addresses of --dns-name, beside those that are " +
          "given; external-only for none but the providers of --external-providers-config",
      },
      { name: "static-backends", type: "list", help: "Engine URLs" },
      { name: "static-models", type: "list", help: "Model of each engine, in the same order" },
      { name: "static-aliases", type: "aliases", help: "Other names of models" },
      {
        name: "static-model-labels",
        type: "list",
        help: "Label of each engine, in the same order",
      },
      {
        name: "prefill-model-labels",
        type: "list",
        help: "Engines with these labels are prefill engines",
      },
      {
        name: "decode-model-labels",
        type: "list",
        help: "Engines with these labels are decode engines",
      },
      {
        name: "tls-ca",
        type: "file",
        help: "PEM file of certificate authorities for https engines",
      },
    ],
  },
  KUBERNETES_FLAGS,
  DNS_FLAGS,
  POLICY_FLAGS,
  KV_EVENT_FLAGS,
  WORTH_FLAGS,
  ELASTIC_FLAGS,
  {
    title: "Disaggregated prefill (NIXL)",
    flags: [
      {
        name: "kv-protocol",
        type: "string",
        choices: KV_NAMES,
        help:
          "How KV moves, for engines that do not say: LMCache with notifications, vLLM's NixlConnector, or a store both " +
          "engines share; by default nixl for disaggregated_prefill_orchestrated, else lmcache " +
          "with --nixl-proxy-host and shared_storage without",
      },
      {
        name: "nixl-proxy-host",
        type: "host",
        help: "Address on which KV-ready notifications of prefill engines are received (their " +
          "LMCache pd_proxy_host and pd_proxy_port name it); with disaggregated_prefill, this makes the protocol lmcache",
      },
      {
        name: "nixl-proxy-port",
        type: "int",
        default: 7500,
        range: PORT,
        help: "Port of KV-ready notifications",
      },
      {
        name: "nixl-proxy-socket",
        type: "string",
        choices: PROXY_SOCKETS,
        default: "builtin",
        help: "What receives them: the router itself, or libzmq, which needs --allow-ffi",
      },
      {
        name: "nixl-peer-host",
        type: "host",
        help:
          "Where prefill engines write KV to the decode engine of --static-backends; the host " +
          "of its URL when not given",
      },
      {
        name: "nixl-peer-init-port",
        type: "ports",
        default: "7300",
        help: "LMCache pd_peer_init_port of a decode engine without ports of its own, one per rank",
      },
      {
        name: "nixl-peer-alloc-port",
        type: "ports",
        default: "7400",
        help: "LMCache pd_peer_alloc_port, likewise",
      },
      {
        name: "nixl-finished-req-ttl",
        type: "seconds",
        default: 120,
        range: WAIT,
        help: "How long a finished request's late notifications are recognised",
      },
      {
        name: "nixl-cleanup-interval",
        type: "seconds",
        default: 60,
        range: WAIT,
        help: "How often finished requests are swept",
      },
      {
        name: "nixl-kv-ready-timeout",
        type: "seconds",
        default: 10,
        range: WAIT,
        help: "Longest wait for KV-ready notifications after the prefill has answered",
      },
      {
        name: "nixl-kv-timeout-policy",
        type: "string",
        choices: ["retry", "proceed"],
        default: "retry",
        help: "After that wait: prefill again for another decode engine, or decode anyway",
      },
      {
        name: "nixl-first-token",
        type: "string",
        choices: FIRST_TOKENS,
        default: "prefill",
        help: "Whose first token the client sees, for decode engines that do not say: they need " +
          "skip_last_n_tokens 1 for prefill, 0 for decode",
      },
      {
        name: "tokenize",
        type: "string",
        choices: TOKENIZE_WAYS,
        default: "auto",
        help: "How a prompt becomes token ids: by /tokenize, told by the prefill's own answer " +
          "(return_token_ids, one call less), by the render endpoints, or told where an engine " +
          "can and by /tokenize where not",
      },
      {
        name: "tokenize-cache-bytes",
        type: "int",
        default: 0,
        range: [0, 2 ** 40],
        help: "Size of the cache of /tokenize answers, in bytes; 0 for none",
      },
      {
        name: "trust-client-kv-params",
        type: "flag",
        help: "Keep kv_transfer_params that clients send, for routers in a chain",
      },
      ...LMCACHE_FLAGS,
    ],
  },
  HEALTH_FLAGS,
  LIFE_FLAGS,
  CHECK_FLAGS,
  PROOF_FLAGS,
  {
    title: "Timeouts",
    flags: [
      {
        name: "connect-timeout",
        type: "seconds",
        default: 5,
        range: WAIT,
        help: "Longest wait for a connection to an engine",
      },
      {
        name: "tokenize-timeout",
        type: "seconds",
        default: 10,
        range: WAIT,
        help: "Longest wait for an engine's answer to /tokenize, /detokenize and /render",
      },
      {
        name: "prefill-timeout",
        type: "seconds",
        range: WAIT,
        help: "Longest wait for a prefill engine's answer; 30 s and 2 s per 1,000 tokens of the " +
          "prompt when not given",
      },
      {
        name: "first-byte-timeout",
        type: "seconds",
        default: 60,
        range: WAIT,
        help: "Longest wait for the head of a streamed answer",
      },
      {
        name: "whole-answer-timeout",
        type: "seconds",
        default: 3600,
        range: WAIT,
        help: "Longest wait for an answer that is not streamed",
      },
      {
        name: "stream-idle-timeout",
        type: "seconds",
        default: 60,
        range: WAIT,
        help: "Longest silence within an answer",
      },
    ],
  },
  LIFECYCLE_FLAGS,
  RELOAD_FLAGS,
  BATCH_FLAGS,
  {
    title: "Logging and statistics",
    flags: [
      {
        name: "log-level",
        type: "string",
        choices: LOG_LEVELS,
        default: "info",
        help: "Least severe lines that are written",
      },
      {
        name: "log-format",
        type: "string",
        choices: ["text", "json"],
        default: "text",
        help: "How lines look",
      },
      ...STATS_FLAGS,
    ],
  },
  HOOK_FLAGS,
  PROVIDER_FLAGS,
  PEER_FLAGS,
] as const satisfies readonly FlagGroup[];

/** Every flag by the heading of the help text. */
export const FLAG_GROUPS: readonly FlagGroup[] = [
  ...SUPPORTED_GROUPS,
  { title: "Accepted for compatibility, without effect", flags: COMPATIBILITY_FLAGS },
];

/** Every flag. */
export const FLAGS: readonly Flag[] = FLAG_GROUPS.flatMap((group) => group.flags);

/** What only the environment can say: a secret on a command line would show in process lists. */
export const ENVIRONMENT_ONLY = [
  {
    name: "VLLM_API_KEY",
    help: "Bearer token for the router's own requests to engines, /v1/models and checks; with " +
      "API keys of its own, for those of clients too",
    secret: true,
  },
  {
    name: API_KEYS_VARIABLE,
    help: "Keys as of --api-key, separated by commas or white space",
    secret: true,
  },
  {
    name: GATES_VARIABLE,
    help: "Feature gates as of --feature-gates, which wins gate by gate",
    secret: false,
  },
  {
    name: "OPENAI_API_KEY",
    help: "Key of external providers of type openai that have no other",
    secret: true,
  },
  {
    name: "ANTHROPIC_API_KEY",
    help: "Key of external providers of type anthropic that have no other",
    secret: true,
  },
  ...TRACING_VARIABLES,
] as const satisfies readonly EnvironmentOnly[];

const BY_NAME: ReadonlyMap<string, Flag> = new Map(FLAGS.map((flag) => [flag.name, flag]));

/** The flag of that name (without dashes), if there is one. */
export function findFlag(name: string): Flag | undefined {
  return BY_NAME.get(name);
}

/** A row of a supported flag, with its own name and type. */
export type SupportedFlag = (typeof SUPPORTED_GROUPS)[number]["flags"][number];

/** Names of the supported flags of some types. */
export type FlagName<T extends Flag["type"]> = Extract<SupportedFlag, { type: T }>["name"];
