/** Token ids that an event tells without the client having asked for them. @module */
import { type ByteParts, encodeUtf8, OPEN_BRACE, OPEN_BRACKET } from "../base/mod.ts";
import { memberOf, scanArray, type Span } from "./json_scan.ts";

const NULL = encodeUtf8("null");

/**
 * `event`, JSON of an object, as engines write it that were not asked for ids: `null` in the place of
 * those of the prompt and of each choice. Throws `JsonScanError` when it is malformed.
 */
export function withoutTokenIds(event: Uint8Array): ByteParts {
  const whole = { start: event.indexOf(OPEN_BRACE), end: event.length };
  const choices = memberOf(event, whole, "choices");
  const listed = choices !== undefined && event[choices.start] === OPEN_BRACKET
    ? scanArray(event, choices)
    : [];
  const found = [
    memberOf(event, whole, "prompt_token_ids"),
    ...listed.filter(({ start }) => event[start] === OPEN_BRACE).flatMap((choice) => [
      memberOf(event, choice, "token_ids"),
      memberOf(event, choice, "prompt_token_ids"),
    ]),
  ];
  const lists = found.filter((span) => span !== undefined && event[span.start] === OPEN_BRACKET);
  return cut(event, lists.filter((span) => span !== undefined));
}

/** `event` with `null` in the place of `spans`. */
function cut(event: Uint8Array, spans: readonly Span[]): ByteParts {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const { start, end } of spans.toSorted((one, two) => one.start - two.start)) {
    parts.push(event.subarray(at, start), NULL);
    at = end;
  }
  parts.push(event.subarray(at));
  return parts;
}
