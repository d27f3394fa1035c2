/** What the messages of a chat hold, found without building them. @module */
import {
  atOnce,
  encodeUtf8,
  OPEN_BRACE,
  OPEN_BRACKET,
  type Sliced,
  startsWith,
} from "../base/mod.ts";
import { type JsonObject, JsonWalk, keyIs, tooMany, type WalkEvent } from "../openai/mod.ts";

/** Messages of a request at most. */
const MAX_MESSAGES = 32_768;

const TEXT = encodeUtf8('"text"');

/** How deep what is looked for stands: the list, a message, its content, a part of that. */
const Depth = { list: 1, message: 2, content: 3, part: 4 } as const;

/**
 * Whether `messages` holds content other than text. vLLM takes parts such as `{"image_url":"..."}`
 * without a type too (`vllm/entrypoints/chat_utils.py`).
 */
export function hasMediaParts(body: JsonObject): boolean {
  return atOnce(findingMedia(body));
}

/** `hasMediaParts` in steps. Throws `bad-request` for too many messages. */
export function* findingMedia(body: JsonObject): Sliced<boolean> {
  const messages = body.raw("messages");
  if (messages === undefined || messages[0] !== OPEN_BRACKET) return false;
  const walk = new JsonWalk(messages, 0, { root: OPEN_BRACKET, depth: Depth.part, python: true });
  const visit = new MediaVisit(messages, walk);
  for (let event = walk.step(); event !== "end" && !visit.found; event = walk.step()) {
    if (event === "more") yield;
    else visit.take(event);
  }
  return visit.found;
}

/** Goes through messages. Of duplicate keys the last counts, as in Python. */
class MediaVisit {
  found = false;
  readonly #bytes: Uint8Array;
  readonly #walk: JsonWalk;
  #messages = 0;
  /** Whether what is open at each depth is an object, or an array, of the kind looked for. */
  #inMessage = false;
  #inContent = false;
  #inPart = false;
  /** Of the message, its content, and its part that are open. */
  #messageHas = false;
  #contentHas = false;
  #partIsText = false;

  /** `walk` goes over `messages`. */
  constructor(messages: Uint8Array, walk: JsonWalk) {
    this.#bytes = messages;
    this.#walk = walk;
  }

  /** What has happened to the walk. */
  take(event: Exclude<WalkEvent, "end" | "more">): void {
    const { depth } = this.#walk;
    switch (event) {
      case "open":
        return this.#open(depth);
      case "value":
        return this.#value(depth);
      case "close":
        return this.#close(depth + 1);
      default:
        return event satisfies never;
    }
  }

  #open(depth: number): void {
    const object = this.#bytes[this.#walk.start] === OPEN_BRACE;
    if (depth === Depth.message) {
      this.#count();
      this.#inMessage = object;
      this.#messageHas = false;
    } else if (depth === Depth.content) {
      const content = this.#inMessage && this.#keyIs("content");
      this.#inContent = content && !object;
      this.#contentHas = false;
      if (content) this.#messageHas = false;
    } else if (depth === Depth.part) {
      this.#inPart = this.#inContent && object;
      this.#partIsText = false;
    }
  }

  #value(depth: number): void {
    if (depth === Depth.list) this.#count();
    if (depth === Depth.message && this.#inMessage && this.#keyIs("content")) {
      this.#messageHas = false;
    }
    if (depth === Depth.part && this.#inPart && this.#keyIs("type")) {
      const { start, at } = this.#walk;
      this.#partIsText = at - start === TEXT.length && startsWith(this.#bytes, TEXT, start);
    }
  }

  #close(depth: number): void {
    if (depth === Depth.part) {
      if (this.#inPart && !this.#partIsText) this.#contentHas = true;
      this.#inPart = false;
    } else if (depth === Depth.content) {
      if (this.#inContent) this.#messageHas = this.#contentHas;
      this.#inContent = false;
    } else if (depth === Depth.message) {
      this.found = this.#inMessage && this.#messageHas;
      this.#inMessage = false;
    }
  }

  #count(): void {
    if (++this.#messages <= MAX_MESSAGES) return;
    throw tooMany("messages", this.#messages, "messages", MAX_MESSAGES);
  }

  #keyIs(name: string): boolean {
    return keyIs(this.#bytes, this.#walk.keyStart, this.#walk.keyEnd, name);
  }
}
