/** Hashes of a prompt's text by chunks, by which prompts that begin alike are found. Pure. @module */
import {
  BACKSLASH,
  encodeUtf8,
  OPEN_BRACKET,
  QUOTE,
  type Sliced,
  STEP_BYTES,
} from "../base/mod.ts";
import { type JsonObject, JsonWalk, keyIs } from "../openai/mod.ts";

/** How a text is cut. */
export interface ChunkRules {
  /** What a text is of: the same text of another model is another one. */
  readonly model: string;
  /** Characters in a chunk. */
  readonly chars: number;
  /** Chunks at most: what is behind them is not looked at. */
  readonly most: number;
}

/** Fields that prompts are made of, in the order in which engines put them together, about. */
const FIELDS = ["system", "instructions", "prompt", "messages", "input"] as const;

/** A newline as it is written in a string. */
const NEWLINE = encodeUtf8("\\n");
const LOWER_U = 0x75;

/**
 * Of every whole chunk, a hash of all the text up to its end, in steps. The text is that of the
 * messages, joined by newlines, or the prompt, as it is written in the body: an escape is a character.
 * Integers below 2^53.
 */
export function* chunkingPrompt(body: JsonObject, rules: ChunkRules): Sliced<Float64Array> {
  const hasher = new ChunkHasher(rules);
  for (const field of FIELDS) {
    const raw = body.raw(field);
    if (raw === undefined || hasher.full) continue;
    if (field === "messages" && raw[0] === OPEN_BRACKET) yield* hashMessages(raw, hasher);
    else yield* hashText(raw, hasher);
  }
  return hasher.end();
}

/** How deep the texts of messages stand: the list, a message, its content, a part of that. */
const Depth = { message: 2, content: 3, part: 4 } as const;

function* hashMessages(raw: Uint8Array, hasher: ChunkHasher): Sliced<void> {
  const walk = new JsonWalk(raw, 0, { root: OPEN_BRACKET, depth: Depth.part, python: true });
  const keyed = (name: string): boolean => keyIs(raw, walk.keyStart, walk.keyEnd, name);
  let isContent = false;
  for (let event = walk.step(); event !== "end" && !hasher.full; event = walk.step()) {
    const { depth } = walk;
    if (event === "more") yield;
    else if (event === "open" && depth === Depth.content) isContent = keyed("content");
    if (event !== "value" || raw[walk.start] !== QUOTE) continue;
    const isText = depth === Depth.message
      ? keyed("content")
      : depth === Depth.part && isContent && keyed("text");
    if (isText) yield* hashText(raw.subarray(walk.start, walk.at), hasher);
  }
}

/** The inside of a string or a list, and a newline before it if it is not the first. */
function* hashText(raw: Uint8Array, hasher: ChunkHasher): Sliced<void> {
  if (hasher.begun) hasher.take(NEWLINE, 0, NEWLINE.length);
  for (let at = 1; at < raw.length - 1 && !hasher.full; at += STEP_BYTES) {
    if (at > 1) yield;
    hasher.take(raw, at, Math.min(at + STEP_BYTES, raw.length - 1));
  }
}

/** Takes text piece by piece. Two hashes of 32 bits side by side: one would meet another's too often. */
class ChunkHasher {
  readonly #rules: ChunkRules;
  readonly #hashes: number[] = [];
  #one = 0x811c9dc5;
  #other = 0x9747b28c;
  /** Characters of the chunk that is open. */
  #chars = 0;
  /** Bytes that belong to an escape which has begun; -1 before its second byte. */
  #escape = 0;
  begun = false;

  constructor(rules: ChunkRules) {
    this.#rules = rules;
    for (let at = 0; at < rules.model.length; at++) this.#mix(rules.model.charCodeAt(at));
  }

  /** Whether there is no chunk left to be told. */
  get full(): boolean {
    return this.#hashes.length >= this.#rules.most;
  }

  /** Take `bytes[from..to)`, UTF-8 as it stands in a JSON string. */
  take(bytes: Uint8Array, from: number, to: number): void {
    this.begun = true;
    for (let at = from; at < to; at++) {
      const byte = bytes[at] ?? 0;
      if (this.#escape < 0) this.#escape = byte === LOWER_U ? 4 : 0;
      else if (this.#escape > 0) this.#escape--;
      else if ((byte & 0xc0) !== 0x80) {
        if (this.#chars === this.#rules.chars) this.#close();
        this.#chars++;
        if (byte === BACKSLASH) this.#escape = -1;
      }
      this.#mix(byte);
    }
  }

  /** The hashes of all chunks that are whole. */
  end(): Float64Array {
    if (this.#chars === this.#rules.chars) this.#close();
    return Float64Array.from(this.#hashes);
  }

  #mix(unit: number): void {
    this.#one = Math.imul(this.#one ^ unit, 0x01000193);
    this.#other = Math.imul((this.#other << 5 | this.#other >>> 27) ^ unit, 0x85ebca6b);
  }

  #close(): void {
    this.#chars = 0;
    if (this.full) return;
    this.#hashes.push((spread(this.#one) >>> 11) * 2 ** 32 + spread(this.#other));
  }
}

/** Has every bit of `hash` change about half of the others (murmur3's); unsigned 32 bits. */
function spread(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return (twice ^ (twice >>> 16)) >>> 0;
}
