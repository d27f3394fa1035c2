/** What an engine is: one vLLM server, as the router knows it. @module */
import type { KvName } from "./kv_protocol.ts";

/**
 * What an engine may be asked to do; `any` serves whole requests and takes no leg of a handoff. `both`
 * is configured alone: such an engine is on one side at a time, which is then its role.
 */
export type Role = "prefill" | "decode" | "any" | "both";

/** A side of handoffs. */
export type Side = Extract<Role, "prefill" | "decode">;

/**
 * How the first token of a handoff is made: `p1`, the prefill engine tells it and the decode engine
 * goes on behind it; `d1`, the whole answer comes from the decode engine.
 */
export const MODES = ["p1", "d1"] as const;
export type Mode = (typeof MODES)[number];

/**
 * Where prefill engines write KV of a decode engine: LMCache `pd_peer_host`, `pd_peer_init_port`,
 * `pd_peer_alloc_port`, `pd_peer_query_port`; one port per decode rank, all lists of one length.
 */
export interface NixlReceiver {
  readonly host: string;
  readonly initPorts: readonly number[];
  readonly allocPorts: readonly number[];
  readonly queryPorts?: readonly number[];
  /** Modes the engine can take: LMCache's `skip_last_n_tokens` 1 fits `p1`, 0 fits `d1`. */
  readonly modes: readonly Mode[];
  /** How much KV it can receive at a time, when configured. */
  readonly buffer?: KvBuffer;
}

/**
 * The memory of a rank that KV of prompts lands in until it is read: LMCache's `pd_buffer_size`. It is
 * handed out by chunks, of which the last of a prompt is as large as any.
 */
export interface KvBuffer {
  readonly bytes: number;
  /** What one token takes of a rank's buffer. */
  readonly bytesPerToken: number;
  /** LMCache's `chunk_size`. */
  readonly chunkTokens: number;
}

/**
 * Where an engine publishes what its prefix cache holds: vLLM's `--kv-events-config`. Data-parallel rank r
 * does so r ports further on.
 */
export interface KvEventsAt {
  readonly events: EndpointAt;
  /** Where missed events are told again (`replay_endpoint`); absent where they are not. */
  readonly replay?: EndpointAt;
  /** Empty for all. */
  readonly topic: string;
  /** Data-parallel ranks, at least 1. */
  readonly ranks: number;
}

/** A host, without brackets, and a port. */
export interface EndpointAt {
  readonly host: string;
  readonly port: number;
}

/** One vLLM server. Immutable; the fleet publishes a new record when something changes. */
export interface Engine {
  /** Stable name for `?id=`, `/engines` and metrics. */
  readonly id: string;
  /** Base URL without a trailing slash, e.g. `http://10.0.0.1:8000`. */
  readonly url: string;
  readonly role: Role;
  /** Set where it is configured to be on either side: its role is the side that it is on. */
  readonly elastic?: true;
  /** Models it serves; empty until they are known. */
  readonly models: readonly string[];
  /** The production-stack model label, e.g. `prefill`. */
  readonly label?: string;
  /** How its KV moves; pairs have it in common. `none` where prompts are not handed over. */
  readonly kv: KvName | "none";
  /** Set on engines that can receive KV over NIXL. */
  readonly nixl?: NixlReceiver;
  /** KV-ready notifications one request causes on this prefill engine, when configured. */
  readonly notifications?: number;
  /** LMCache's `chunk_size`, when configured: in tokens. */
  readonly chunkTokens?: number;
  /** Requests it works on at a time, vLLM's `max_num_seqs`, when configured. */
  readonly maxNumSeqs?: number;
  /** Set where its KV events are to be followed. */
  readonly kvEvents?: KvEventsAt;
  /** Its start, in any form, where its source knows it: another one, and it is another engine. */
  readonly started?: string;
  /** Where it stands: labels such as its zone and its rack, when configured. */
  readonly topology?: Readonly<Record<string, string>>;
}

/** Whether KV of the one can get to the other, whatever they serve. */
export function speakAlike(one: Engine, other: Engine): boolean {
  return one.kv === other.kv;
}

/** The record of an engine that is on `side`, where it is configured to be on either; else as it is. */
export function onSide(engine: Engine, side: Side): Engine {
  return engine.role === "both" ? { ...engine, role: side, elastic: true } : engine;
}

/** Whether two records of an engine differ in the side that it is on. */
export function hasTurned(one: Engine, other: Engine): boolean {
  return one.elastic === true && other.elastic === true && one.role !== other.role;
}
