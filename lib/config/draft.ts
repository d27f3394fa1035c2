/** One engine as it was written, checked in itself. @module */
import {
  KV_NAMES,
  type KvBuffer,
  type KvEventsAt,
  type KvName,
  kvNameOf,
  type Role,
} from "../base/mod.ts";
import { FIRST_TOKENS, type FirstToken } from "./first_token.ts";
import { kvEventsOf } from "./kv_events.ts";
import { type Problem, withSuggestion } from "./problem.ts";
import type { RawEngine } from "./raw_engine.ts";
import { type EngineUrl, parseEngineUrl } from "./url.ts";
import { parseHost, parsePorts } from "./value.ts";

/** What was said of where an engine receives KV; what was left out is decided later. */
export interface DraftReceiver {
  readonly host?: string | undefined;
  readonly initPorts?: readonly number[] | undefined;
  readonly allocPorts?: readonly number[] | undefined;
  readonly queryPorts?: readonly number[] | undefined;
  readonly firstToken?: FirstToken | undefined;
  readonly buffer?: KvBuffer | undefined;
}

/** One engine before what it has in common with others is known. */
export interface EngineDraft {
  /** The name under which it was given, for messages. */
  readonly where: string;
  /** As it was written. */
  readonly raw: RawEngine;
  readonly at: EngineUrl;
  readonly role: Role;
  /** Empty when they are to be read from the engine. */
  readonly models: readonly string[];
  readonly label?: string | undefined;
  /** Absent for the usual one. */
  readonly kvProtocol?: KvName | undefined;
  /** Absent when nothing was said of it. */
  readonly receiver?: DraftReceiver | undefined;
  /** KV-ready notifications that one request causes on this prefill engine. */
  readonly notifications?: number | undefined;
  /** LMCache's `chunk_size`, where it was said. */
  readonly chunkTokens?: number | undefined;
  /** Requests that it works on at a time. */
  readonly maxNumSeqs?: number | undefined;
  /** Labels of its place. */
  readonly topology?: Readonly<Record<string, string>> | undefined;
  /** Where its KV events are, where that was said. */
  readonly kvEvents?: KvEventsAt | undefined;
}

/** Drafts of the engines that are right in themselves, and what is wrong with the others. */
export interface Drafts {
  readonly drafts: readonly EngineDraft[];
  readonly problems: readonly Problem[];
}

/** Most notifications one request can cause: more than any engine has ranks. */
const MAX_NOTIFICATIONS = 1024;

/** Most requests at a time, and most bytes of memory, of any engine. */
const MAX_SEQS = 1_000_000;
const MAX_BYTES = 2 ** 50;

/** The draft of one engine, or its problems; `where` and `shown` are what they name. */
export function draftEngine(where: string, shown: string, raw: RawEngine): Drafts {
  const wrong: string[] = [];
  const {
    host,
    notifications,
    first_token: modes,
    buffer_bytes: bytes,
    bytes_per_token: bytesPerToken,
    chunk_size: chunkTokens,
    ...lists
  } = raw.nixl ?? {};
  const buffer = draftBuffer({ bytes, bytesPerToken, chunkTokens });
  if (typeof buffer === "string") wrong.push(buffer);
  const firstToken = FIRST_TOKENS.find((known) => known === modes);
  const ports = (name: string, texts: readonly string[] | undefined): DraftPorts => {
    const parsed = texts === undefined ? undefined : parsePorts(texts);
    if (parsed === undefined || parsed.ok) return parsed?.value;
    wrong.push(`${name}: ${parsed.message}`);
    return undefined;
  };
  const at = parseEngineUrl(raw.url);
  if (!at.ok) wrong.push(at.message);
  const checkedHost = parseHost(host ?? "");
  if (!checkedHost.ok) wrong.push(`host: ${checkedHost.message}`);
  const receiver = {
    host,
    initPorts: ports("init", lists.init_ports),
    allocPorts: ports("alloc", lists.alloc_ports),
    queryPorts: ports("query", lists.query_ports),
    firstToken,
    ...(typeof buffer === "object" ? { buffer } : {}),
  };
  const isReceiver = Object.values({ host, modes, buffer, ...lists })
    .some((part) => part !== undefined);
  if (modes !== undefined && firstToken === undefined) {
    wrong.push(
      withSuggestion("first_token: expected prefill, decode or both", modes, FIRST_TOKENS),
    );
  }
  const kvProtocol = kvNameOf(raw.kv_protocol);
  if (raw.kv_protocol !== undefined && kvProtocol === undefined) {
    const message = `kv_protocol: expected one of ${KV_NAMES.join(", ")}`;
    wrong.push(withSuggestion(message, raw.kv_protocol, KV_NAMES));
  }
  if (raw.models.includes("")) wrong.push("a model's name is empty");
  if (isReceiver && (raw.role === "prefill" || raw.role === "both")) {
    wrong.push("host and ports belong to decode engines");
  }
  if (notifications !== undefined && (raw.role === "decode" || raw.role === "both")) {
    wrong.push("notifications belong to prefill engines");
  } else if (notifications !== undefined && !isCount(notifications)) {
    wrong.push(`notifications: expected an integer from 1 to ${MAX_NOTIFICATIONS}`);
  }
  const { max_num_seqs: maxNumSeqs } = raw;
  if (maxNumSeqs !== undefined && !isCount(maxNumSeqs, MAX_SEQS)) {
    wrong.push(`max_num_seqs: expected an integer from 1 to ${MAX_SEQS}`);
  }
  const { kv_events: events } = raw;
  const kvEvents = events && at.ok ? kvEventsOf(events, at.value.host) : undefined;
  if (typeof kvEvents === "string") wrong.push(kvEvents);
  if (!at.ok || wrong.length > 0 || typeof kvEvents === "string") {
    return {
      drafts: [],
      problems: wrong.map((message) => ({ key: where, value: shown, message })),
    };
  }
  const models = [...new Set(raw.models)];
  const { role, label, topology } = raw;
  const draft = {
    where,
    raw,
    at: at.value,
    role,
    models,
    label,
    notifications,
    kvProtocol,
    ...(maxNumSeqs === undefined ? {} : { maxNumSeqs }),
    ...(chunkTokens === undefined ? {} : { chunkTokens }),
    ...(topology === undefined ? {} : { topology }),
    ...(kvEvents === undefined ? {} : { kvEvents }),
  };
  return { drafts: [isReceiver ? { ...draft, receiver } : draft], problems: [] };
}

/** Several results as one. */
export function joinDrafts(results: readonly Drafts[]): Drafts {
  return {
    drafts: results.flatMap((result) => result.drafts),
    problems: results.flatMap((result) => result.problems),
  };
}

type DraftPorts = readonly number[] | undefined;

/** LMCache's own default of `chunk_size`. */
const CHUNK_TOKENS = 256;

/** The buffer that was described, undefined for none, or what is wrong with it. */
function draftBuffer(
  given: { readonly [Key in keyof KvBuffer]: number | undefined },
): KvBuffer | string | undefined {
  const { bytes, bytesPerToken, chunkTokens = CHUNK_TOKENS } = given;
  if (bytes === undefined && bytesPerToken === undefined) {
    return isCount(chunkTokens, MAX_BYTES) ? undefined : "chunk_size: expected an integer from 1";
  }
  if (bytes === undefined || bytesPerToken === undefined) {
    return "buffer_bytes and bytes_per_token: expected both, of one rank";
  }
  if (![bytes, bytesPerToken, chunkTokens].every((part) => isCount(part, MAX_BYTES))) {
    return "buffer_bytes, bytes_per_token and chunk_size: expected integers from 1";
  }
  const buffer = { bytes, bytesPerToken, chunkTokens };
  return bytes < bytesPerToken * chunkTokens
    ? "buffer_bytes: expected room for a chunk of chunk_size tokens"
    : buffer;
}

function isCount(value: number, most = MAX_NOTIFICATIONS): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most;
}
