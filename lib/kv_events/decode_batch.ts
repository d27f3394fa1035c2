/**
 * A batch of KV events as vLLM publishes it, of every generation: arrays whose last fields may be
 * missing, or maps; hashes as numbers or as bytes.
 *
 * Source: vLLM `vllm/distributed/kv_events.py` (`KVEventBatch` and its events).
 * @module
 */
import { encodeUtf8 } from "../base/mod.ts";
import { extraOf, type KvEvent, USUAL_MEDIUM } from "./kv_event.ts";
import { KindError, MsgpackReader } from "./msgpack_reader.ts";

/** What a batch holds. */
export interface KvBatch {
  readonly events: readonly KvEvent[];
  /** Events of kinds that we do not know, or that do not concern us. */
  readonly ignored: number;
  /** Events that lack what they need. */
  readonly malformed: number;
}

/** Fields in the order in which arrays have them, behind the tag. */
const ORDERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["BlockStored", [
    "block_hashes",
    "parent_block_hash",
    "token_ids",
    "block_size",
    "lora_id",
    "medium",
    "lora_name",
    "extra_keys",
    "group_idx",
    "kv_cache_spec_kind",
    "kv_cache_spec_sliding_window",
    "locality",
  ]],
  ["BlockRemoved", ["block_hashes", "medium", "group_idx", "locality"]],
  ["AllBlocksCleared", []],
]);

/** Most events of a batch that are looked at, and the largest block, in tokens. */
const MAX_EVENTS = 1_000_000;
const MAX_BLOCK_SIZE = 65_536;

/** One event's fields, as far as they were there. */
interface Draft {
  type: string | undefined;
  hashes?: Int32Array;
  parent?: Int32Array;
  tokens?: Int32Array;
  blockSize?: number;
  loraId?: number;
  loraName?: string;
  medium?: string;
  /** Where `extra_keys` begins; it is read when the adapter's name is known. */
  extrasAt?: number;
  group?: number;
  kind?: string;
  window?: number;
  locality?: string;
}

/**
 * Which events are of the one group of layers whose blocks say how much of a prompt is cached: in
 * models of several kinds of layers, each has blocks of its own. It is the first that keeps all of a
 * prompt.
 */
export class GroupFilter {
  #group: number | undefined;

  /** Whether a store of `group` counts; `whole`: it keeps all of a prompt. */
  takes(group: number | undefined, whole: boolean): boolean {
    if (!whole) return false;
    this.#group ??= group;
    return group === undefined || group === this.#group;
  }

  /** Whether a removal of `group` counts. */
  removes(group: number | undefined): boolean {
    return group === undefined || this.#group === undefined || group === this.#group;
  }
}

/** The events in `payload`. Throws `MsgpackError`, or `KindError` where it is no batch. */
export function decodeBatch(payload: Uint8Array, groups = new GroupFilter()): KvBatch {
  const reader = new MsgpackReader(payload);
  const events: KvEvent[] = [];
  let [ignored, malformed] = [0, 0];
  const count = enterEvents(reader);
  if (count > MAX_EVENTS) throw new KindError(`${count} events`);
  for (let index = 0; index < count; index++) {
    const start = reader.at;
    reader.skip();
    const end = reader.at;
    reader.goTo(start);
    const event = readEvent(reader, groups);
    if (event === "ignored") ignored++;
    else if (event === "malformed") malformed++;
    else events.push(event);
    reader.goTo(end);
  }
  return { events, ignored, malformed };
}

/** Go to the first event; returns how many there are. */
function enterEvents(reader: MsgpackReader): number {
  if (reader.isArray()) {
    if (reader.array() < 2) throw new KindError("a batch of fewer than two fields");
    reader.skip();
    return reader.array();
  }
  for (let left = reader.map(); left > 0; left--) {
    if (reader.text() === "events") return reader.array();
    reader.skip();
  }
  throw new KindError("a batch without events");
}

function readEvent(
  reader: MsgpackReader,
  groups: GroupFilter,
): KvEvent | "ignored" | "malformed" {
  try {
    const draft = readDraft(reader);
    return draft === undefined ? "ignored" : finish(draft, groups, reader);
  } catch (error) {
    if (error instanceof KindError) return "malformed";
    throw error;
  }
}

/** The fields of an event; undefined where it is of no kind that we know. */
function readDraft(reader: MsgpackReader): Draft | undefined {
  const draft: Draft = { type: undefined };
  if (reader.isArray()) {
    const count = reader.array();
    draft.type = count === 0 ? undefined : reader.text();
    const order = ORDERS.get(draft.type ?? "");
    for (const name of order?.slice(0, count - 1) ?? []) readField(reader, name, draft);
    return order === undefined ? undefined : draft;
  }
  for (let left = reader.map(); left > 0; left--) {
    const name = reader.text();
    if (name === "type") draft.type = reader.text();
    else readField(reader, name, draft);
  }
  return ORDERS.has(draft.type ?? "") ? draft : undefined;
}

/** What is done with each field that is not nil. */
const FIELDS: ReadonlyMap<string, (reader: MsgpackReader, draft: Draft) => void> = new Map([
  ["block_hashes", (reader, draft) => {
    draft.hashes = new Int32Array(2 * reader.array());
    for (let at = 0; at < draft.hashes.length; at += 2) reader.hash(draft.hashes, at);
  }],
  ["parent_block_hash", (reader, draft) => {
    draft.parent = new Int32Array(2);
    reader.hash(draft.parent, 0);
  }],
  ["token_ids", (reader, draft) => {
    draft.tokens = new Int32Array(reader.array());
    reader.uints(draft.tokens);
  }],
  ["block_size", (reader, draft) => draft.blockSize = reader.uint()],
  ["lora_id", (reader, draft) => draft.loraId = reader.uint()],
  ["medium", (reader, draft) => draft.medium = reader.text()],
  ["lora_name", (reader, draft) => draft.loraName = reader.text()],
  ["extra_keys", (reader, draft) => {
    draft.extrasAt = reader.at;
    reader.skip();
  }],
  ["group_idx", (reader, draft) => draft.group = reader.uint()],
  ["kv_cache_spec_kind", (reader, draft) => draft.kind = reader.text()],
  ["kv_cache_spec_sliding_window", (reader, draft) => draft.window = reader.uint()],
  ["locality", (reader, draft) => draft.locality = reader.text()],
]);

function readField(reader: MsgpackReader, name: string, draft: Draft): void {
  if (reader.nil()) return;
  const read = FIELDS.get(name);
  if (read === undefined) reader.skip();
  else read(reader, draft);
}

function finish(
  draft: Draft,
  groups: GroupFilter,
  reader: MsgpackReader,
): KvEvent | "ignored" | "malformed" {
  const { type, hashes, medium = USUAL_MEDIUM, group } = draft;
  if (type === "AllBlocksCleared") return { kind: "cleared" };
  if (hashes === undefined) return "malformed";
  // What lies in a store that all engines reach says nothing of this one.
  if (draft.locality === "REMOTE") return "ignored";
  if (type === "BlockRemoved") {
    return groups.removes(group) ? { kind: "removed", hashes, medium } : "ignored";
  }
  const { tokens, blockSize, parent, loraId, loraName = "" } = draft;
  if (tokens === undefined || blockSize === undefined) return "malformed";
  if (blockSize < 1 || blockSize > MAX_BLOCK_SIZE) return "malformed";
  if (tokens.length !== (hashes.length / 2) * blockSize) return "malformed";
  if (!groups.takes(group, isWhole(draft))) return "ignored";
  // An adapter by number alone: no request can be told to be its.
  if (loraId !== undefined && loraName === "") return "ignored";
  const extras = readExtras(reader, draft, hashes.length / 2, loraName);
  return { kind: "stored", hashes, parent, tokens, blockSize, medium, lora: loraName, extras };
}

/** Whether such layers look at all of a prompt: of the others, blocks go that are needed no more. */
function isWhole({ kind, window }: Draft): boolean {
  if (window !== undefined && window > 0) return false;
  return kind === undefined || (/full|mla/.test(kind) && !/sliding/.test(kind));
}

/**
 * A number for what each block is made of besides its tokens. The adapter's name is left out: it is
 * told apart, and is in all of them.
 */
function readExtras(
  reader: MsgpackReader,
  { extrasAt }: Draft,
  blocks: number,
  lora: string,
): Uint32Array | undefined {
  if (extrasAt === undefined) return undefined;
  reader.goTo(extrasAt);
  const count = reader.array();
  if (count !== blocks) throw new KindError("not one extra for each block");
  const name = encodeUtf8(lora);
  const extras = new Uint32Array(blocks);
  let some = false;
  for (let block = 0; block < blocks; block++) {
    if (reader.nil()) continue;
    let extra = 0;
    let named = lora === "";
    for (let left = reader.array(); left > 0; left--) {
      const start = reader.at;
      const text = reader.isText() ? reader.textBytes() : undefined;
      if (text === undefined) reader.skip();
      if (!named && text !== undefined && isSame(text, name)) {
        named = true;
        continue;
      }
      extra = extraOf(text ?? reader.since(start), extra);
    }
    extras[block] = extra;
    some ||= extra !== 0;
  }
  return some ? extras : undefined;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
