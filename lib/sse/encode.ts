/** Server-sent events as bytes. @module */
import { encodeUtf8 } from "../base/mod.ts";

/** The event that ends every OpenAI stream. */
export const DONE_EVENT: Uint8Array = encodeUtf8("data: [DONE]\n\n");

/** What stands before an event's data. */
export const EVENT_START: Uint8Array = encodeUtf8("data: ");

/** What ends an event. */
export const EVENT_END: Uint8Array = encodeUtf8("\n\n");

/** One event with `value` as JSON data. */
export function jsonEvent(value: unknown): Uint8Array {
  return encodeUtf8(`data: ${JSON.stringify(value)}\n\n`);
}
