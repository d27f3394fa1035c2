/** Server-sent events as bytes. @module */
import { concatBytes, encodeUtf8, startsWith } from "../base/mod.ts";

/** What stands before an event's data, as text. */
export const DATA_FIELD = "data: ";

/** What stands before an event's data. */
export const EVENT_START: Uint8Array = encodeUtf8(DATA_FIELD);

/** What ends an event. */
export const EVENT_END: Uint8Array = encodeUtf8("\n\n");

/** The data of the event that ends every OpenAI stream. */
const DONE: Uint8Array = encodeUtf8("[DONE]");

/** The event that ends every OpenAI stream. */
export const DONE_EVENT: Uint8Array = concatBytes([EVENT_START, DONE, EVENT_END]);

/** Whether `data`, of one event, is that of the event that ends every OpenAI stream. */
export function isDone(data: Uint8Array): boolean {
  return data.length === DONE.length && startsWith(data, DONE);
}

/** One event with `value` as JSON data; with the name `name`, where there is one. */
export function jsonEvent(value: unknown, name?: string): Uint8Array {
  const field = name === undefined ? "" : `event: ${name}\n`;
  return encodeUtf8(`${field}${DATA_FIELD}${JSON.stringify(value)}\n\n`);
}
