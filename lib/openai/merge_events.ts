/**
 * Events of the stream that answers one prompt, rewritten as events of the stream that answers a
 * list of prompts.
 *
 * Nearly all events of a stream differ in one text alone, so the bytes around it are rewritten once
 * and compared from then on; other events are spliced.
 * @module
 */
import {
  concatBytes,
  copying,
  decodeUtf8,
  encodeUtf8,
  LF,
  QUOTE,
  type Sliced,
  SPACE,
  STEP_BYTES,
} from "../base/mod.ts";
import { isDone } from "../sse/mod.ts";
import { JsonObject } from "./json_object.ts";
import { scanArray } from "./json_scan.ts";
import { identityMembers, indexedChoices, listOf, type MergedIdentity, usageOf } from "./merge.ts";
import { putBack, setAside } from "./set_aside.ts";
import { type Template, textBetween } from "./template.ts";
import type { Usage } from "./usage.ts";

/** What an event of one prompt's stream is to the merged one. */
export type MergedEvent =
  /** Its data, in pieces, for the client; views of the event among them. */
  | { readonly kind: "pass"; readonly data: readonly Uint8Array[] }
  /** The usage of the prompt; it is summed with the others'. */
  | { readonly kind: "usage"; readonly usage: Usage | undefined; readonly body: JsonObject }
  | { readonly kind: "error"; readonly data: Uint8Array }
  | { readonly kind: "done" }
  | { readonly kind: "malformed"; readonly problem: string };

/** What stands around the text of an event, as it comes and as it leaves. */
interface Around extends Template {
  readonly newBefore: Uint8Array;
  readonly newAfter: Uint8Array;
}

/** One for each of the choices that the chunks of a prompt are about, within reason. */
const MAX_LEARNT = 8;

/** A stand-in for the text while an event is spliced: a JSON string that nothing else contains. */
const PLACE = '"\\u0000\\u0000place\\u0000\\u0000"';
const PLACE_BYTES = encodeUtf8(PLACE);

/** Rewrites the events of the prompt at `promptIndex`. */
export class EventMerger {
  readonly #promptIndex: number;
  readonly #n: number;
  readonly #members: Readonly<Record<string, string>>;
  #learnt: readonly Around[] = [];

  constructor(promptIndex: number, n: number, identity: MergedIdentity) {
    this.#promptIndex = promptIndex;
    this.#n = n;
    this.#members = identityMembers(identity);
  }

  /** What an event's data becomes; total: never throws. */
  read(data: Uint8Array): MergedEvent {
    for (const around of this.#learnt) {
      const text = textBetween(around, data);
      if (text !== undefined) {
        return { kind: "pass", data: [around.newBefore, text, around.newAfter] };
      }
    }
    if (isDone(data)) return { kind: "done" };
    try {
      const body = new JsonObject(onOneLine(data));
      const event = this.#splice(body);
      if (event.kind === "pass") this.#learn(body);
      return event;
    } catch (error) {
      return malformed(error);
    }
  }

  /** As `read`, of an event of more than `SMALL_JSON_BYTES`, in steps. */
  *readLarge(data: Uint8Array): Sliced<MergedEvent> {
    try {
      const { rest, aside } = yield* setAside(yield* makingOneLine(data));
      const event = this.#splice(new JsonObject(rest));
      return event.kind === "pass" ? { kind: "pass", data: putBack(event.data, aside) } : event;
    } catch (error) {
      return malformed(error);
    }
  }

  #splice(body: JsonObject): MergedEvent {
    if (body.has("error")) return { kind: "error", data: body.bytes };
    const rewritten = this.#rewritten(body);
    if (rewritten !== undefined) return { kind: "pass", data: [rewritten] };
    // A copy: it is needed when the event is no more.
    return { kind: "usage", usage: usageOf(body), body: new JsonObject(body.bytes.slice()) };
  }

  /** The event for the client; undefined when it has no choices. */
  #rewritten(body: JsonObject): Uint8Array | undefined {
    const choices = indexedChoices(body, this.#promptIndex, this.#n);
    if (choices.length === 0) return undefined;
    const list = listOf(choices.map(({ json }) => [json]));
    return concatBytes(body.edited({ set: { ...this.#members, choices: list } }));
  }

  /** Remember an event of one choice that carries text and nothing else. */
  #learn(body: JsonObject): void {
    if (this.#learnt.length >= MAX_LEARNT || body.has("usage")) return;
    const member = body.member("choices");
    if (member === undefined) return;
    const [span, second] = scanArray(body.bytes, member, 2);
    if (span === undefined || second !== undefined) return;
    const choice = new JsonObject(body.bytes.subarray(span.start, span.end));
    if (CARRIES_MORE.some((key) => choice.has(key))) return;
    const text = choice.member("text");
    if (text === undefined || choice.bytes[text.start] !== QUOTE) return;
    const start = span.start + text.start;
    const end = span.start + text.end;
    // Copies: the event is a view of what was read with it.
    const before = body.bytes.slice(0, start + 1);
    const after = body.bytes.slice(end - 1);
    const emptied = new JsonObject(
      concatBytes([before.subarray(0, start), PLACE_BYTES, after.subarray(1)]),
    );
    const rewritten = this.#rewritten(emptied);
    const halves = rewritten === undefined ? [] : decodeUtf8(rewritten).split(PLACE);
    const [newBefore, newAfter] = halves;
    if (halves.length !== 2 || newBefore === undefined || newAfter === undefined) return;
    const around = {
      before,
      after,
      newBefore: encodeUtf8(`${newBefore}"`),
      newAfter: encodeUtf8(`"${newAfter}`),
    };
    this.#learnt = [around, ...this.#learnt];
  }
}

/** Fields of a choice that differ from event to event where they are set. */
const CARRIES_MORE = ["finish_reason", "logprobs", "token_ids", "prompt_token_ids"] as const;

function malformed(error: unknown): MergedEvent {
  return { kind: "malformed", problem: error instanceof Error ? error.message : String(error) };
}

/** JSON has line feeds between its tokens only; in an event each would need a field of its own. */
function onOneLine(data: Uint8Array): Uint8Array {
  return data.includes(LF) ? data.map((byte) => byte === LF ? SPACE : byte) : data;
}

/** `onOneLine` in steps. */
function* makingOneLine(data: Uint8Array): Sliced<Uint8Array> {
  let line: Uint8Array | undefined;
  for (let at = 0; at < data.length; at += STEP_BYTES) {
    if (at > 0) yield;
    const part = data.subarray(at, at + STEP_BYTES);
    if (!part.includes(LF)) continue;
    line ??= yield* copying(data);
    line.set(onOneLine(part.slice()), at);
  }
  return line ?? data;
}
