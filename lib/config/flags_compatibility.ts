/**
 * Flags of the production-stack router that have no effect here: known, so that a start with them
 * is accepted where that is harmless and refused by name where it is not.
 * @module
 */
import type { Flag } from "./flag.ts";
import { LMCACHE_CONTROLLER_FLAGS } from "./flags_kv_events.ts";

/** Accepted and checked; without effect. */
export const COMPATIBILITY_FLAGS = [
  {
    name: "request-rewriter",
    type: "string",
    choices: ["noop"],
    default: "noop",
    help: "Request rewriting",
    status: "without-effect",
  },
  {
    name: "file-storage-class",
    type: "string",
    choices: ["local_file"],
    default: "local_file",
    help: "Storage of the batch API",
    status: "without-effect",
  },
  {
    name: "batch-processor",
    type: "string",
    choices: ["local"],
    default: "local",
    help: "Processor of the batch API",
    status: "without-effect",
  },
  ...LMCACHE_CONTROLLER_FLAGS,
] as const satisfies readonly Flag[];

/** Known; any value but the default ends the start. */
export const UNSUPPORTED_FLAGS: readonly Flag[] = [
  unsupported("k8s-service-discovery-type", "string", "Kubernetes discovery: by pod or service"),
  unsupported("k8s-port", "int", "Kubernetes discovery: port of engines", 8000),
  unsupported("k8s-namespace", "string", "Kubernetes discovery: namespace", "default"),
  unsupported("k8s-label-selector", "string", "Kubernetes discovery: label selector", ""),
  unsupported("k8s-watcher-timeout-seconds", "int", "Kubernetes discovery: watch timeout", 0),
  unsupported("backend-health-check-timeout-seconds", "int", "Kubernetes discovery: timeout", 10),
  unsupported("callbacks", "string", "Python callbacks"),
  unsupported("enable-batch-api", "flag", "Batch API"),
  unsupported("file-storage-path", "string", "Batch API: storage path", "/tmp/vllm_files"),
  unsupported("dynamic-config-yaml", "string", "Configuration file that is watched"),
  unsupported("dynamic-config-json", "string", "Configuration file that is watched"),
  unsupported("feature-gates", "string", "Experimental features", ""),
  unsupported("semantic-cache-model", "string", "Semantic cache", "all-MiniLM-L6-v2"),
  unsupported("semantic-cache-dir", "string", "Semantic cache", "semantic_cache"),
  unsupported("semantic-cache-threshold", "float", "Semantic cache", 0.95),
  { ...unsupported("sentry-dsn", "string", "Sentry"), secret: true },
  unsupported("sentry-traces-sample-rate", "float", "Sentry", 0.1),
  unsupported("sentry-profile-session-sample-rate", "float", "Sentry", 1),
  unsupported("otel-endpoint", "string", "OpenTelemetry"),
  unsupported("otel-service-name", "string", "OpenTelemetry", "vllm-router"),
  unsupported("otel-secure", "flag", "OpenTelemetry"),
  unsupported("external-providers-config", "string", "External providers"),
];

function unsupported(
  name: string,
  type: Flag["type"],
  help: string,
  byDefault?: string | number,
): Flag {
  const flag = { name, type, help, status: "unsupported" } as const;
  return byDefault === undefined ? flag : { ...flag, default: byDefault };
}
