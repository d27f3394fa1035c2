/** Engines as they are written, and what they are checked by. @module */
import type { KvName, Role } from "../base/mod.ts";
import type { FirstToken } from "./first_token.ts";

/** What was written, in any notation. */
export interface RawEngine {
  readonly url: string;
  readonly role: Role;
  readonly models: readonly string[];
  readonly label?: string | undefined;
  readonly kv_protocol?: string | undefined;
  readonly max_num_seqs?: number | undefined;
  readonly kv_events?: RawKvEvents | undefined;
  readonly topology?: Readonly<Record<string, string>> | undefined;
  readonly nixl?: {
    readonly host?: string | undefined;
    readonly init_ports?: readonly string[] | undefined;
    readonly alloc_ports?: readonly string[] | undefined;
    readonly query_ports?: readonly string[] | undefined;
    readonly first_token?: string | undefined;
    readonly notifications?: number | undefined;
    readonly buffer_bytes?: number | undefined;
    readonly bytes_per_token?: number | undefined;
    readonly chunk_size?: number | undefined;
  } | undefined;
}

/** What was written of an engine's KV events. */
export interface RawKvEvents {
  /** `tcp://host:port`, or a port of the engine's host. */
  readonly endpoint: string;
  readonly replay?: string | undefined;
  readonly topic?: string | undefined;
  readonly ranks?: number | undefined;
}

/** Ports of engines that say nothing of their KV events. */
export interface EventPorts {
  readonly events: number;
  readonly replay: number | undefined;
}

/** What holds for decode engines of which nothing else was said. */
export interface ReceiverDefaults {
  readonly initPorts: readonly number[];
  readonly allocPorts: readonly number[];
  readonly firstToken: FirstToken;
}

/** What the records of one configuration's engines have in common. */
export interface RecordRules {
  /** How KV moves where an engine says nothing of it. */
  readonly usual: KvName | "none";
  /** Set where engines receive KV over LMCache's ports. */
  readonly receivers?: ReceiverDefaults | undefined;
  /** Set where KV events are followed. */
  readonly events?: EventPorts | undefined;
}

/** What holds for all engines of one configuration. */
export interface EngineRules extends RecordRules {
  /** Labels (`--prefill-model-labels`, `--decode-model-labels`) that give engines their role. */
  readonly labels: Readonly<Record<"prefill" | "decode", readonly string[]>>;
  /** Link-local addresses may be engines. */
  readonly linkLocal: boolean;
}
