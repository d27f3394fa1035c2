/** What an engine is: one vLLM server, as the router knows it. @module */

/** What an engine may be asked to do; `any` serves whole requests and takes no leg of a handoff. */
export type Role = "prefill" | "decode" | "any";

/** Which engine's first token the client sees (mode P1 or D1). */
export type FirstToken = "prefill" | "decode";

/** Which modes a decode engine can take: its `skip_last_n_tokens` fits one of them. */
export const FIRST_TOKEN_MODES = ["prefill", "decode", "both"] as const;
export type FirstTokenModes = (typeof FIRST_TOKEN_MODES)[number];

/** How KV can move between a prefill and a decode engine. */
export const KV_PROTOCOLS = ["lmcache", "nixl", "shared_storage"] as const;
export type KvProtocol = (typeof KV_PROTOCOLS)[number];

/**
 * Where prefill engines write KV of a decode engine: LMCache `pd_peer_host`, `pd_peer_init_port`,
 * `pd_peer_alloc_port`, `pd_peer_query_port`; one port per decode rank, all lists of one length.
 */
export interface NixlReceiver {
  readonly host: string;
  readonly initPorts: readonly number[];
  readonly allocPorts: readonly number[];
  readonly queryPorts?: readonly number[];
  /** LMCache `skip_last_n_tokens` 1 fits `prefill`, 0 fits `decode`. */
  readonly firstToken: FirstTokenModes;
}

/** One vLLM server. Immutable; discovery publishes a new record when something changes. */
export interface Engine {
  /** Stable name for `?id=`, `/engines` and metrics. */
  readonly id: string;
  /** Base URL without a trailing slash, e.g. `http://10.0.0.1:8000`. */
  readonly url: string;
  readonly role: Role;
  /** Models it serves; empty until they are known. */
  readonly models: readonly string[];
  /** The production-stack model label, e.g. `prefill`. */
  readonly label?: string;
  /** How its KV moves, where that is not the fleet's usual way. Pairs have it in common. */
  readonly kvProtocol?: KvProtocol;
  /** Set on engines that can receive KV over NIXL. */
  readonly nixl?: NixlReceiver;
  /** KV-ready notifications one request causes on this prefill engine, when configured. */
  readonly notifications?: number;
}
