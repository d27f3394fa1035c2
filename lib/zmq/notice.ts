/** The KV-ready notification: ZeroMQ frames to a typed value. Pure and total. @module */
import { Decoder } from "@msgpack/msgpack";
import { describeError, encodeUtf8, startsWith } from "../base/mod.ts";

/** Largest notification looked at, in bytes; a real one is under 300. */
export const MAX_NOTICE_BYTES = 4096;

/** Longest request id taken, in UTF-16 units, so that buffered ids stay small. */
const MAX_REQ_ID_LENGTH = 512;

/** What a prefill rank said. */
export type Notice =
  /** One rank has written all KV of the request. */
  | { readonly kind: "kv-ready"; readonly reqId: string }
  /** The transfer of the request was given up. */
  | { readonly kind: "cancelled"; readonly reqId: string }
  /** A well-formed tagged map of another type. */
  | { readonly kind: "unknown"; readonly type: string }
  /** Anything else. */
  | { readonly kind: "garbage"; readonly reason: string };

/**
 * The types that carry a request id, by msgspec tag (the struct's class name). LMCache:
 * `NixlProxyNotif` in `storage_backend/connector/nixl_connector_v3.py`, `ProxyNotif` in
 * `storage_backend/pd_backend.py` and its asynchronous successor, whose `CancelNotif` goes to
 * receivers only; should one arrive here, the transfer has failed all the same.
 */
const KINDS: ReadonlyMap<string, "kv-ready" | "cancelled"> = new Map([
  ["ProxyNotif", "kv-ready"],
  ["NixlProxyNotif", "kv-ready"],
  ["CancelNotif", "cancelled"],
]);

// A header of a few bytes may announce 2^32 items, for which the decoder reserves room beforehand.
const decoder = new Decoder({
  useBigInt64: true,
  maxStrLength: MAX_NOTICE_BYTES,
  maxBinLength: MAX_NOTICE_BYTES,
  maxExtLength: MAX_NOTICE_BYTES,
  maxArrayLength: 1024,
  maxMapLength: 64,
});

/**
 * The notice in one ZeroMQ message; never throws, never keeps `frames`.
 *
 * A notice is exactly one frame, a msgpack map with a string `type`. A leading empty delimiter
 * frame is not skipped: PUSH sends none, so whoever sends one is not a prefill rank. Keys may come
 * in any order and beside others. An integer `req_id` becomes its decimal text, because msgspec
 * encodes what it is given, not what the field declares.
 */
export function decodeNotice(frames: readonly Uint8Array[]): Notice {
  const [frame] = frames;
  if (frames.length !== 1 || frame === undefined) return garbage(`${frames.length} frames`);
  if (frame.length > MAX_NOTICE_BYTES) return garbage(`${frame.length} bytes`);
  const usual = usualId(frame);
  if (usual !== undefined) return { kind: "kv-ready", reqId: usual };
  let value: unknown;
  try {
    value = decoder.decode(frame);
  } catch (error) {
    return garbage(`not msgpack: ${describeError(error)}`);
  }
  if (typeof value !== "object" || value === null) return garbage("not a map");
  const type = "type" in value ? value.type : undefined;
  if (typeof type !== "string") return garbage(`no string "type"`);
  const kind = KINDS.get(type);
  if (kind === undefined) return { kind: "unknown", type };
  const reqId = requestId("req_id" in value ? value.req_id : undefined);
  return reqId === undefined ? garbage(`no usable "req_id" in ${type}`) : { kind, reqId };
}

/** What LMCache's own encoder writes before the id, and the byte of a text of up to 255 bytes. */
const USUAL_BEGINNING = encodeUtf8("\x00\x00type\x00ProxyNotif\x00req_id\x00");
for (const [at, byte] of [[0, 0x82], [1, 0xa4], [6, 0xaa], [17, 0xa6], [24, 0xd9]] as const) {
  USUAL_BEGINNING[at] = byte;
}

/** The id in a notification as LMCache writes it, of 32 characters or more; undefined for any other. */
function usualId(frame: Uint8Array): string | undefined {
  const from = USUAL_BEGINNING.length + 1;
  if (!startsWith(frame, USUAL_BEGINNING)) return undefined;
  if (frame.length !== from + (frame[from - 1] ?? 0) || frame.length < from + 32) return undefined;
  let id = "";
  for (let at = from; at < frame.length; at++) {
    const byte = frame[at] ?? 0;
    if (byte > 0x7f) return undefined;
    id += String.fromCharCode(byte);
  }
  return id;
}

function requestId(value: unknown): string | undefined {
  if (typeof value === "bigint" || Number.isInteger(value)) return String(value);
  const usable = typeof value === "string" && value !== "" && value.length <= MAX_REQ_ID_LENGTH;
  return usable ? value : undefined;
}

function garbage(reason: string): Notice {
  return { kind: "garbage", reason };
}
