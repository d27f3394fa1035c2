/** Flags of services beside the production-stack router: a cache, and where failures are told. @module */
import type { Flag } from "./flag.ts";

const SHARE = [0, 1] as const;

/** Accepted, as a router without these answers no request otherwise. */
export const OBSERVER_FLAGS = [
  {
    name: "semantic-cache-model",
    type: "string",
    default: "all-MiniLM-L6-v2",
    help: "Semantic cache: model of embeddings",
    status: "without-effect",
  },
  {
    name: "semantic-cache-dir",
    type: "string",
    default: "semantic_cache",
    help: "Semantic cache: folder",
    status: "without-effect",
  },
  {
    name: "semantic-cache-threshold",
    type: "float",
    default: 0.95,
    help: "Semantic cache: least likeness",
    status: "without-effect",
  },
  {
    name: "sentry-dsn",
    type: "string",
    help: "Sentry: where failures are reported to",
    status: "without-effect",
    secret: true,
  },
  {
    name: "sentry-traces-sample-rate",
    type: "float",
    default: 0.1,
    range: SHARE,
    help: "Sentry: share of traces",
    status: "without-effect",
  },
  {
    name: "sentry-profile-session-sample-rate",
    type: "float",
    default: 1,
    range: SHARE,
    help: "Sentry: share of profiles",
    status: "without-effect",
  },
] as const satisfies readonly Flag[];
