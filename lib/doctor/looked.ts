/** What one engine tells of itself when it is looked at. @module */
import type { Engine } from "../base/mod.ts";
import type { EngineTold } from "../fleet/mod.ts";
import type { ModelCard } from "../openai/mod.ts";

/** Which KV connectors an engine's metrics are of. */
export interface ConnectorSigns {
  /** vLLM's NixlConnector (`vllm:nixl_...`, of vLLM 0.11.1 and later). */
  readonly nixl: boolean;
  /** LMCache's (`lmcache:...`). */
  readonly lmcache: boolean;
}

/** An engine, as far as it has answered. */
export interface Looked {
  readonly engine: Engine;
  /** Why it gives no answer to `GET /health`; absent where it does. */
  readonly silent?: string;
  /** How long its answer took, in milliseconds. */
  readonly tookMs?: number;
  /** Its clock less this host's, in milliseconds; as exact as a `Date` field, which tells whole seconds. */
  readonly skewMs?: number;
  /** Its models; absent where it does not tell. */
  readonly cards?: readonly ModelCard[];
  /** What else it tells. */
  readonly told: EngineTold;
  /** Absent where it has no metrics. */
  readonly signs?: ConnectorSigns;
}

/** What `prefill http://10.0.0.1:8000` is to a reader. */
export function nameOf({ role, url }: Pick<Engine, "role" | "url">): string {
  return role === "any" ? url : `${role} ${url}`;
}
