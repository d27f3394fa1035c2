/**
 * KV cache events as msgpack, in the encodings of several vLLM versions.
 *
 * Source: vLLM `vllm/distributed/kv_events.py`; up to 0.23 events are arrays, later maps.
 * @module
 */
import { encode } from "@msgpack/msgpack";
import { concatBytes } from "../base/mod.ts";
import type { TokenIds } from "./tokenizer.ts";

/** Events as arrays, as maps, or with the batch around them a map too. */
export type EventEncoding = "array" | "map" | "map-batch";

/** What happened to the prefix cache. */
export type KvEvent =
  | {
    readonly kind: "stored";
    readonly hashes: readonly bigint[];
    readonly parent: bigint | undefined;
    readonly tokens: TokenIds;
    readonly blockSize: number;
  }
  | { readonly kind: "removed"; readonly hashes: readonly bigint[] }
  | { readonly kind: "cleared" };

const MEDIUM = "GPU";
const RANK = 0;

/** A batch with one event; `ts` is in seconds since 1970. */
export function encodeEventBatch(ts: number, event: KvEvent, encoding: EventEncoding): Uint8Array {
  const events = encode([encoding === "array" ? asArray(event) : asMap(event)], {
    useBigInt64: true,
  });
  const rank = encode(RANK);
  return encoding === "map-batch"
    ? concatBytes([
      new Uint8Array([0x83]),
      encode("ts"),
      float64(ts),
      encode("events"),
      events,
      encode("data_parallel_rank"),
      rank,
    ])
    : concatBytes([new Uint8Array([0x93]), float64(ts), events, rank]);
}

/** Always eight bytes, as Python's float is, whole or not. */
function float64(value: number): Uint8Array {
  const bytes = new Uint8Array(9);
  bytes[0] = 0xcb;
  new DataView(bytes.buffer).setFloat64(1, value);
  return bytes;
}

function asArray(event: KvEvent): readonly unknown[] {
  switch (event.kind) {
    case "stored": {
      const { hashes, parent, tokens, blockSize } = event;
      const known = ["BlockStored", hashes, parent ?? null, tokens, blockSize, null, MEDIUM];
      return [...known, null, null, null, null, null];
    }
    case "removed":
      return ["BlockRemoved", event.hashes, MEDIUM, null];
    case "cleared":
      return ["AllBlocksCleared"];
    default:
      return event satisfies never;
  }
}

function asMap(event: KvEvent): Readonly<Record<string, unknown>> {
  switch (event.kind) {
    case "stored":
      return {
        type: "BlockStored",
        block_hashes: event.hashes,
        parent_block_hash: event.parent ?? null,
        token_ids: event.tokens,
        block_size: event.blockSize,
        lora_id: null,
        medium: MEDIUM,
        lora_name: null,
      };
    case "removed":
      return { type: "BlockRemoved", block_hashes: event.hashes, medium: MEDIUM };
    case "cleared":
      return { type: "AllBlocksCleared" };
    default:
      return event satisfies never;
  }
}
