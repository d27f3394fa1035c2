/**
 * Messages between LMCache's prefill and decode ranks, and to the router: msgpack maps tagged by
 * `type`, one shape per generation.
 *
 * Sources: LMCache `v1/storage_backend/connector/nixl_connector_v3.py` (A), `pd_backend.py` (B, C),
 * its asynchronous variant (D).
 * @module
 */
import { decode, encode } from "@msgpack/msgpack";
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
  readonly lastChunkTokens: number;
  readonly reqId: string;
  readonly totalChunks: number;
}

const ALLOC_TYPE: Readonly<Record<Generation, string>> = {
  A: "NixlAllocRequest",
  B: "AllocRequest",
  C: "AllocRequest",
  D: "AllocRequest",
};

/** An allocation request of one generation; D announces all its chunks in one batch here. */
export function encodeAllocRequest(generation: Generation, request: AllocRequest): Uint8Array {
  const common = {
    type: ALLOC_TYPE[generation],
    keys: request.keys,
    fmt: 1,
    shape: [2, 1, 256, 8, 128],
    dtype: "bfloat16",
    last_chunk_toks: request.lastChunkTokens,
  };
  return encode(
    generation === "D"
      ? {
        ...common,
        req_id: request.reqId,
        is_last_batch: true,
        total_chunks: request.totalChunks,
      }
      : common,
  );
}

/** What a decode rank is told on its allocation port. */
export type ReceiverMessage =
  | { readonly kind: "alloc"; readonly keys: readonly string[] }
  /** Stands for the NIXL write that fills the pages. */
  | { readonly kind: "write"; readonly keys: readonly string[] }
  | { readonly kind: "cancel"; readonly keys: readonly string[] };

/**
 * Read a message on the allocation port. Throws Error on what a receiver of `generation` would not
 * take: another generation's type, missing fields, and in D `total_chunks` of 0.
 */
export function decodeReceiverMessage(
  generation: Generation,
  bytes: Uint8Array | undefined,
): ReceiverMessage {
  const message = decodeMap(bytes);
  const type = message["type"];
  const keys = message["keys"];
  if (!isTextList(keys)) throw new Error(`Message ${String(type)} has no list of keys`);
  if (type === "SimKvWrite") return { kind: "write", keys };
  if (type === "CancelNotif") return { kind: "cancel", keys };
  if (type !== ALLOC_TYPE[generation]) {
    throw new Error(
      `Unexpected message ${String(type)} for a receiver of generation ${generation}`,
    );
  }
  const { shape, fmt, dtype, last_chunk_toks: lastChunk, total_chunks: total } = message;
  if (!isIdList(shape) || typeof fmt !== "number" || typeof dtype !== "string") {
    throw new Error("AllocRequest lacks fmt, shape or dtype");
  }
  if (typeof lastChunk !== "number") throw new Error("AllocRequest lacks last_chunk_toks");
  if (generation === "D" && (typeof total !== "number" || total < 1)) {
    throw new Error("AllocRequest has total_chunks 0: the sender is of an older generation");
  }
  return { kind: "alloc", keys };
}

/** The answer to an allocation; generation D swaps the order of the fields. */
export function encodeAllocResponse(
  generation: Generation,
  alreadySent: readonly number[],
  remote: readonly number[],
): Uint8Array {
  const type = generation === "A" ? "NixlAllocResponse" : "AllocResponse";
  return generation === "D"
    ? encode({ type, remote_indexes: remote, already_sent_indexes: alreadySent })
    : encode({ type, already_sent_indexes: alreadySent, remote_indexes: remote });
}

/** Indexes of the chunks that need not be written. Throws Error on another message. */
export function decodeAllocResponse(bytes: Uint8Array | undefined): readonly number[] {
  const known = decodeMap(bytes)["already_sent_indexes"];
  if (!isIdList(known)) throw new Error("Answer to an allocation lacks already_sent_indexes");
  return known;
}

/** The message that stands for the write of pages. */
export function encodeKvWrite(keys: readonly string[]): Uint8Array {
  return encode({ type: "SimKvWrite", keys });
}

/** The answer to it. */
export function encodeKvWritten(landed: number): Uint8Array {
  return encode({ type: "SimKvWritten", landed });
}

/** The two requests of the handshake on the init port, in order. */
export function encodeHandshake(rank: number): readonly Uint8Array[] {
  const local = new Uint8Array(64).fill(rank);
  return [
    encode({ type: "NixlInitRequest", local_meta_bytes: local }),
    encode({ type: "NixlMemRegRequest", local_id: `rank${rank}`, local_xfer_dlist_bytes: local }),
  ];
}

/** Answer one request of the handshake. Throws Error on any other message. */
export function answerHandshake(bytes: Uint8Array | undefined): Uint8Array {
  const type = decodeMap(bytes)["type"];
  const remote = new Uint8Array(64);
  if (type === "NixlInitRequest") {
    return encode({ type: "NixlInitResponse", remote_meta_bytes: remote });
  }
  if (type === "NixlMemRegRequest") {
    return encode({ type: "NixlMemRegResponse", remote_xfer_dlist_bytes: remote });
  }
  throw new Error(`Unexpected message ${String(type)} on the init port`);
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
