/**
 * The files of a recording: JSON lines, the head first. What all events of a stream begin with is
 * written once, as it is most of a stream.
 * @module
 */
import {
  isObject,
  type Json,
  type RecordedExchange,
  type RecordingHead,
  type SseEvent,
} from "./exchange.ts";

/** One file's content. */
export interface RecordingFile {
  readonly head: RecordingHead;
  readonly exchanges: readonly RecordedExchange[];
}

type JsonObject = { readonly [key: string]: Json };

/** Keys that the chunks of one stream have in common, in their order. */
const COMMON = ["id", "object", "created", "model"];

/** A stream as it is written: `more` stands for `common` and what follows it. */
interface PackedEvents {
  readonly kind: "events";
  readonly common: JsonObject;
  readonly events: readonly (SseEvent | { readonly more: JsonObject })[];
}

/** The text of a file. */
export function writeRecording({ head, exchanges }: RecordingFile): string {
  const lines = exchanges.map(({ exchange, answer }) => {
    const { body } = answer;
    const packed = body.kind === "events" ? packedEvents(body.events) : body;
    return { exchange, answer: { ...answer, body: packed } };
  });
  return `${[head, ...lines].map((line) => JSON.stringify(line)).join("\n")}\n`;
}

/** What `writeRecording` wrote. */
export function readRecording(text: string): RecordingFile {
  const [first = "", ...rest] = text.trimEnd().split("\n");
  const head: RecordingHead = JSON.parse(first);
  const exchanges = rest.map((line): RecordedExchange => {
    const { exchange, answer } = JSON.parse(line);
    const body = answer.body.kind === "events" ? unpacked(answer.body) : answer.body;
    return { exchange, answer: { ...answer, body } };
  });
  return { head, exchanges };
}

function packedEvents(events: readonly SseEvent[]): PackedEvents {
  const first = events[0]?.data;
  const common = isObject(first) ? commonOf(first) : {};
  const packed = events.map((event) => {
    const { data } = event;
    if (event.event !== undefined || !isObject(data) || !begins(data, common)) return event;
    const more = Object.entries(data).slice(COMMON.length);
    return { more: Object.fromEntries(more) };
  });
  return { kind: "events", common, events: packed };
}

function unpacked({ common, events }: PackedEvents): {
  readonly kind: "events";
  readonly events: readonly SseEvent[];
} {
  const whole = events.map((event): SseEvent =>
    "more" in event ? { data: { ...common, ...event.more } } : event
  );
  return { kind: "events", events: whole };
}

function commonOf(value: JsonObject): JsonObject {
  const members = Object.entries(value).slice(0, COMMON.length);
  return members.map(([key]) => key).join() === COMMON.join() ? Object.fromEntries(members) : {};
}

function begins(value: JsonObject, common: JsonObject): boolean {
  return Object.keys(common).length > 0 &&
    JSON.stringify(commonOf(value)) === JSON.stringify(common);
}
