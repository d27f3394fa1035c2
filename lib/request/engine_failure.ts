/**
 * Failures and refusals that an engine tells inside an answer whose status is 200: its beginning is
 * looked at before any of it goes to the client.
 * @module
 */
import { CR, decodeUtf8, GrowingBytes, jsonOf, recordOf, type Refusal } from "../base/mod.ts";
import { EVENT_END, SseDecoder } from "../sse/mod.ts";
import type { UpstreamResponse } from "../upstream/mod.ts";
import { isEventStream } from "./answer.ts";
import { announcedBytes } from "./read_whole.ts";
import { isRefused, mayTell, type Told, toldIn } from "./told.ts";

/** The beginning of an answer: all of it when it is not streamed, and not very large. */
export interface Beginning {
  /**
   * Undefined for an empty body. A view of memory that may be resizable: copy what goes out.
   */
  readonly bytes: Uint8Array | undefined;
  /** What the engine says has failed, if it says so. */
  readonly failure: string | undefined;
  /** Set where the engine has refused the request, or has no room for it, in its own words. */
  readonly refusal?: Refusal;
}

/** Enough of a stream to hold its first events, in bytes; beyond it, what has come is passed on. */
const MAX_BEGINNING = 256 * 1024;

/** Largest answer that is read whole before it is passed on, so that one cut short is no answer. */
const MAX_WHOLE = 16 * 1024 * 1024;

/** Largest answer that is looked into: one that tells of a failure is small. */
const MAX_JUDGED = 1024 * 1024;

/** More than what one read adds. */
const READ_BYTES = 16 * 1024 * 1024;

/** Events of `/v1/messages` and `/v1/responses` that say nothing of what was generated. */
const OPENINGS: ReadonlySet<unknown> = new Set([
  "message_start",
  "response.created",
  "response.in_progress",
]);

/**
 * Read the beginning of an answer: when it is streamed, up to the end of the first event that
 * tells of generated tokens, of a failure or of a refusal. Rejects as reading the response does.
 */
export async function readBeginning(response: UpstreamResponse): Promise<Beginning> {
  return isEventStream(response) ? await readFirstEvents(response) : await readWhole(response);
}

async function readWhole(response: UpstreamResponse): Promise<Beginning> {
  const held = new GrowingBytes(MAX_WHOLE + READ_BYTES, announcedBytes(response));
  while (held.length <= MAX_WHOLE) {
    const more = await response.read();
    if (more === undefined) return beginningOf(held, judged(held.view()));
    held.append(more);
  }
  return beginningOf(held, undefined);
}

function judged(answer: Uint8Array): Told | undefined {
  if (answer.length > MAX_JUDGED) return undefined;
  const text = decodeUtf8(answer);
  return mayTell(text) ? toldIn(jsonOf(text), answer) : undefined;
}

async function readFirstEvents(response: UpstreamResponse): Promise<Beginning> {
  const held = new GrowingBytes(MAX_BEGINNING + READ_BYTES);
  const opening = new Opening();
  while (held.length <= MAX_BEGINNING && !opening.over) {
    const more = await response.read();
    if (more === undefined) {
      opening.end();
      break;
    }
    held.append(more);
    opening.take(more);
  }
  return beginningOf(held, opening.told);
}

function beginningOf(held: GrowingBytes, told: Told | undefined): Beginning {
  const bytes = held.length === 0 ? undefined : held.view();
  if (told === undefined) return { bytes, failure: undefined };
  const failure = isRefused(told) ? undefined : told.message;
  const { refusal } = told;
  return refusal === undefined ? { bytes, failure } : { bytes, failure, refusal };
}

/** The first events of a stream, up to one that is more than an opening. */
class Opening {
  #begun = false;
  #endsInCr = false;
  /** A failure, or a refusal before anything was said. */
  told: Told | undefined;
  readonly #decoder = new SseDecoder({ onComment: () => this.#begun = true });

  /** Whether nothing more needs to be read: an event's last CR has its LF still to come. */
  get over(): boolean {
    return (this.#begun || this.told !== undefined) && !this.#endsInCr;
  }

  take(bytes: Uint8Array): void {
    this.#endsInCr = bytes.at(-1) === CR;
    this.#decoder.push(bytes);
    for (let data = this.#decoder.next(); data !== undefined; data = this.#decoder.next()) {
      this.#judge(data);
    }
  }

  /** What is unfinished at the end may still tell. */
  end(): void {
    this.take(EVENT_END);
  }

  #judge(data: Uint8Array): void {
    if (this.told !== undefined) return;
    const text = decodeUtf8(data);
    // Behind what was said, only a failure matters.
    if (this.#begun && !mayTell(text)) return;
    const value = jsonOf(text);
    const told = mayTell(text) ? toldIn(value, data) : undefined;
    if (told !== undefined && !(this.#begun && isRefused(told))) this.told = told;
    if (!isOpening(value)) this.#begun = true;
  }
}

/** Whether an event only opens a stream: vLLM sends it together with what comes first. */
function isOpening(event: unknown): boolean {
  const value = recordOf(event);
  if (value === undefined) return false;
  const { choices, type } = value;
  if (!Array.isArray(choices)) return OPENINGS.has(type);
  return choices.length > 0 && choices.every(tellsRoleAlone);
}

/** Whether a chat chunk's choice is `{"delta":{"role":"assistant","content":""}}` and no more. */
function tellsRoleAlone(choice: unknown): boolean {
  const { delta, finish_reason: finish } = recordOf(choice) ?? {};
  const { role, ...said } = recordOf(delta) ?? {};
  if (role === undefined) return false;
  return (finish ?? null) === null &&
    Object.values(said).every((value) => value === "" || value === null);
}
