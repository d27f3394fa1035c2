/** The form of JSON values, without the values that the model's words and numbers decide. @module */
import { isObject, type Json, type SseEvent } from "./exchange.ts";

/** Keys whose strings are the protocol's own words. */
export const WORD_KEYS: ReadonlySet<string> = new Set([
  "object",
  "type",
  "role",
  "finish_reason",
  "stop_reason",
  "status",
  "param",
  "owned_by",
  "model",
  "output_mode",
  "transfer_mode",
  "reason",
]);

/** True where an object's keys are tokens, as completions' `top_logprobs` has them. */
export function isTokenMap(value: { readonly [key: string]: Json }, within: string): boolean {
  if (within === "top_logprobs") return !Object.hasOwn(value, "token") && !hasTokenId(value);
  return within === "prompt_logprobs";
}

function hasTokenId(value: { readonly [key: string]: Json }): boolean {
  return Object.hasOwn(value, "token_id");
}

/** A text that two values have in common when they are of one form; `key` is what holds `value`. */
export function shapeOf(value: Json, key = ""): string {
  if (value === null) return "null";
  if (typeof value === "string") return WORD_KEYS.has(key) || value === "[DONE]" ? value : "text";
  if (key === "bytes") return "bytes";
  if (Array.isArray(value)) return `[${value.length === 0 ? "" : shapeOf(value[0], key)}]`;
  if (!isObject(value)) return typeof value;
  if (isTokenMap(value, key)) return "{token}";
  const members = Object.entries(value).map(([name, member]) => `${name}:${shapeOf(member, name)}`);
  return `{${members.join(",")}}`;
}

/**
 * Neighbours of one form, as one; choice by choice, as the order among choices is a matter of
 * time, and what is of no choice where it comes first after them.
 */
export function runsOf(events: readonly SseEvent[]): readonly (readonly SseEvent[])[] {
  const byChoice = Map.groupBy(events, choiceOf);
  const order = [...byChoice.keys()].sort((left, right) => left - right);
  return order.flatMap((choice) => neighbours(byChoice.get(choice) ?? []));
}

/** The index of an event's choice; one beyond all for events without choices. */
function choiceOf({ data }: SseEvent): number {
  const choices = isObject(data) ? data["choices"] : undefined;
  const [first] = Array.isArray(choices) ? choices : [];
  const index: Json | undefined = isObject(first) ? first["index"] : undefined;
  return typeof index === "number" ? index : Number.MAX_SAFE_INTEGER;
}

function neighbours(events: readonly SseEvent[]): readonly (readonly SseEvent[])[] {
  const runs: SseEvent[][] = [];
  let last: string | undefined;
  for (const event of events) {
    const shape = `${event.event ?? ""} ${shapeOf(event.data)}`;
    if (shape === last) runs.at(-1)?.push(event);
    else runs.push([event]);
    last = shape;
  }
  return runs;
}

/** The first and the last event of each run: a fast engine puts several tokens into one event. */
export function squeezed(events: readonly SseEvent[]): readonly SseEvent[] {
  return runsOf(events).flatMap((run) =>
    run.length > 2 ? [...run.slice(0, 1), ...run.slice(-1)] : run
  );
}
