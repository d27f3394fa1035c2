/**
 * Messages between LMCache's prefill and decode ranks, and to the router: msgpack maps tagged by
 * `type`, one shape per generation.
 *
 * Sources: LMCache `v1/storage_backend/connector/nixl_connector_v3.py` (A), `pd_backend.py` (B, C),
 * `pd_backend_async.py` (D), `v1/transfer_channel/nixl_channel.py`; bytes of LMCache 0.5.6 are in
 * tests/sim/recorded_lmcache.
 * @module
 */
import { decode, encode } from "@msgpack/msgpack";
import { decodeUtf8, encodeUtf8 } from "../base/mod.ts";
import { checkChunkKey, KV_DTYPE } from "./chunk_keys.ts";
import { isIdList, isRecord, type JsonObject } from "./json.ts";
import type { Generation } from "./options.ts";

/** KV-ready notification to the router: 26 bytes and up, one frame. */
export function encodeNotification(generation: Generation, reqId: string): Uint8Array {
  const type = generation === "A" ? "NixlProxyNotif" : "ProxyNotif";
  return encode({ type, req_id: reqId });
}

/** A request for pages on a decode rank. */
export interface AllocRequest {
  readonly keys: readonly string[];
  /** Tokens of the first chunk: less than a full one where it is also the last. */
  readonly firstChunkTokens: number;
  readonly lastChunkTokens: number;
  /** Generation D alone; "" where the sender does not count. */
  readonly reqId: string;
  /** No further chunks of the request follow. */
  readonly isLastBatch: boolean;
  readonly totalChunks: number;
}

/** Layers of the simulated model, and elements that a layer keeps per token for keys or values. */
const KV_LAYERS = 3;
const KV_HIDDEN = 64;

/** LMCache's number for keys and values, layers, tokens, elements in this order. */
const KV_FORMAT = 1;

const ALLOC_TYPE: Readonly<Record<Generation, string>> = {
  A: "NixlAllocRequest",
  B: "AllocRequest",
  C: "AllocRequest",
  D: "AllocRequest",
};

/** An allocation request of one generation, its fields in the order of LMCache's structs. */
export function encodeAllocRequest(generation: Generation, request: AllocRequest): Uint8Array {
  const common = {
    type: ALLOC_TYPE[generation],
    keys: request.keys,
    fmt: KV_FORMAT,
    shape: [2, KV_LAYERS, request.firstChunkTokens, KV_HIDDEN],
    dtype: KV_DTYPE,
    last_chunk_toks: request.lastChunkTokens,
  };
  return encode(
    generation === "D"
      ? {
        ...common,
        req_id: request.reqId,
        is_last_batch: request.isLastBatch,
        total_chunks: request.totalChunks,
      }
      : common,
  );
}

/** What a decode rank is told on its allocation port. */
export type ReceiverMessage =
  | { readonly kind: "alloc" } & AllocRequest
  /** Stands for the NIXL write that fills the pages; `agent` is whom the sender takes it for. */
  | { readonly kind: "write"; readonly keys: readonly string[]; readonly agent: string }
  | { readonly kind: "cancel"; readonly keys: readonly string[]; readonly reqId: string };

/**
 * Read a message on the allocation port. Throws Error on what a receiver of `generation` would not
 * take: another generation's type, missing fields, keys it cannot read.
 */
export function decodeReceiverMessage(
  generation: Generation,
  bytes: Uint8Array | undefined,
): ReceiverMessage {
  const message = decodeMap(bytes);
  const type = message["type"];
  const keys = message["keys"];
  if (!isTextList(keys)) throw new Error(`Message ${String(type)} has no list of keys`);
  if (type === "SimKvWrite") return { kind: "write", keys, agent: String(message["agent"]) };
  const { req_id: reqId = "", is_last_batch: isLastBatch = false } = message;
  if (typeof reqId !== "string" || typeof isLastBatch !== "boolean") {
    throw new Error(`${String(type)} has another req_id or is_last_batch than expected`);
  }
  if (type === "CancelNotif" && generation === "D") return { kind: "cancel", keys, reqId };
  if (type !== ALLOC_TYPE[generation]) {
    throw new Error(
      `Unexpected message ${String(type)} for a receiver of generation ${generation}`,
    );
  }
  const { shape, fmt, dtype, last_chunk_toks: last, total_chunks: total = 0 } = message;
  if (!isIdList(shape) || typeof fmt !== "number" || typeof dtype !== "string") {
    throw new Error("AllocRequest lacks fmt, shape or dtype");
  }
  if (typeof last !== "number") throw new Error("AllocRequest lacks last_chunk_toks");
  if (typeof total !== "number") throw new Error("AllocRequest has another total_chunks");
  for (const key of keys) checkChunkKey(key);
  const firstChunkTokens = shape[2] ?? 0;
  const batch = { reqId, isLastBatch, totalChunks: total };
  return { kind: "alloc", keys, firstChunkTokens, lastChunkTokens: last, ...batch };
}

/** Tell a decode rank to release what was allocated for a request; generation D alone. */
export function encodeCancel(reqId: string, keys: readonly string[]): Uint8Array {
  return encode({ type: "CancelNotif", req_id: reqId, keys });
}

/** What a decode rank says to an allocation. */
export interface AllocResponse {
  /** Indexes of the chunks that are there already and need not be written. */
  readonly known: readonly number[];
  /** Page addresses for the others, in order; -1 for a page that could not be had. */
  readonly pages: readonly number[];
}

/** The answer to an allocation; generation D swaps the order of the fields. */
export function encodeAllocResponse(
  generation: Generation,
  { known, pages }: AllocResponse,
): Uint8Array {
  const type = generation === "A" ? "NixlAllocResponse" : "AllocResponse";
  return generation === "D"
    ? encode({ type, remote_indexes: pages, already_sent_indexes: known })
    : encode({ type, already_sent_indexes: known, remote_indexes: pages });
}

/** Read it. Throws Error on another message. */
export function decodeAllocResponse(bytes: Uint8Array | undefined): AllocResponse {
  const { already_sent_indexes: known = [], remote_indexes: pages } = decodeMap(bytes);
  if (!isIdList(known)) throw new Error("Answer to an allocation has wrong already_sent_indexes");
  if (!Array.isArray(pages) || !pages.every((page): page is number => typeof page === "number")) {
    throw new Error("Answer to an allocation lacks remote_indexes");
  }
  return { known, pages };
}

/** The message that stands for the write of pages of the engine that calls itself `agent`. */
export function encodeKvWrite(keys: readonly string[], agent: string): Uint8Array {
  return encode({ type: "SimKvWrite", keys, agent });
}

/** The answer to it: how many pages were written, or none to be reached under that agent's name. */
export function encodeKvWritten(landed: number | undefined): Uint8Array {
  return encode({ type: "SimKvWritten", landed: landed ?? null });
}

/** Pages written. Throws Error when the agent is another, in NIXL's words. */
export function decodeKvWritten(bytes: Uint8Array | undefined): number {
  const { landed } = decodeMap(bytes);
  if (typeof landed !== "number") throw new Error("NIXL_ERR_REMOTE_DISCONNECT");
  return landed;
}

/** The two requests of the handshake on the init port, in order. */
export function encodeHandshake(rank: number): readonly [hello: Uint8Array, register: Uint8Array] {
  const local = new Uint8Array(64).fill(rank);
  return [
    encode({ type: "NixlInitRequest", local_meta_bytes: local }),
    encode({
      type: "NixlMemRegRequest",
      remote_agent_name: local,
      local_id: `rank${rank}`,
      local_xfer_dlist_bytes: local,
    }),
  ];
}

/** Answer one request of the handshake as `agent`. Throws Error on any other message. */
export function answerHandshake(bytes: Uint8Array | undefined, agent: string): Uint8Array {
  const type = decodeMap(bytes)["type"];
  const remote = new Uint8Array(64);
  if (type === "NixlInitRequest") {
    const name = encodeUtf8(agent);
    return encode({ type: "NixlInitResponse", remote_agent_name: name, remote_meta_bytes: remote });
  }
  if (type === "NixlMemRegRequest") {
    return encode({ type: "NixlMemRegResponse", remote_xfer_dlist_bytes: remote });
  }
  throw new Error(`Unexpected message ${String(type)} on the init port`);
}

/** The agent's name in the first answer of the handshake. Throws Error on another message. */
export function decodeAgent(bytes: Uint8Array | undefined): string {
  const name = decodeMap(bytes)["remote_agent_name"];
  if (!(name instanceof Uint8Array)) throw new Error("NixlInitResponse lacks remote_agent_name");
  return decodeUtf8(name);
}

/** A msgpack map. Throws Error on anything else. */
export function decodeMap(bytes: Uint8Array | undefined): JsonObject {
  const value: unknown = bytes === undefined ? undefined : decode(bytes);
  if (!isRecord(value)) throw new Error("Message is not a msgpack map");
  return value;
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
