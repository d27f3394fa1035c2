/** Flags of engines that are found in Kubernetes; the variables of a cluster are read for them alone. @module */
import type { FlagGroup } from "./flag.ts";

/** What pods and services are found as engines, and where that is asked. */
export const KUBERNETES_FLAGS = {
  title: "Engines found in Kubernetes (--service-discovery k8s)",
  flags: [
    {
      name: "k8s-service-discovery-type",
      type: "string",
      choices: ["pod-ip", "service-name"],
      help:
        "What an engine is: a pod, which is what handoffs and all policies need, or a Service " +
        "with ready endpoints; pod-ip when not given",
    },
    {
      name: "k8s-port",
      type: "int",
      default: 8000,
      range: [1, 65_535],
      help: "Port of engines whose annotation pd-router/port says no other",
    },
    {
      name: "k8s-namespace",
      type: "string",
      default: "default",
      help: "Namespace in which they are looked for",
    },
    {
      name: "k8s-label-selector",
      type: "string",
      default: "",
      help: "Labels that pods, or Services, of engines have, e.g. app=vllm,release=a",
    },
    {
      name: "k8s-watcher-timeout-seconds",
      type: "int",
      default: 0,
      range: [0, 86_400],
      help: "After how long a watch is begun anew; 0 for 5 to 10 minutes",
    },
    {
      name: "k8s-api-server",
      type: "string",
      help: "URL of the API server; within a cluster, its own when not given",
    },
    {
      name: "k8s-token-file",
      type: "file",
      help: "File of the token that the API server is shown, read again when it changes; within " +
        "a cluster, that of the service account when not given",
    },
    {
      name: "k8s-ca-file",
      type: "file",
      help: "PEM file of the API server's certificate authorities, likewise",
    },
  ],
} as const satisfies FlagGroup;

/** What tells within a cluster where its API server is. */
export const CLUSTER_VARIABLES = ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"] as const;

/** Where a pod has what its service account needs. */
export const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";
