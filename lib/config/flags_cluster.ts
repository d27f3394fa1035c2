/** Flags of several replicas that share what they know. @module */
import type { FlagGroup } from "./flag.ts";

/** Where replicas meet. */
export const CLUSTER_FLAGS = {
  title: "Replicas",
  flags: [
    {
      name: "cluster",
      type: "string",
      help: "Redis or Valkey by which replicas of this router hand notifications to the one that " +
        "waits, and share load, verdicts and limits: redis://HOST:PORT/DATABASE, rediss:// with " +
        "TLS; with USER:PASSWORD@ in front of the host, better in the environment",
    },
    {
      name: "cluster-name",
      type: "string",
      default: "pd-router",
      help: "What the replicas of one cluster have in common: the beginning of all its keys and " +
        "channels",
    },
  ],
} as const satisfies FlagGroup;
