/** Text from elsewhere on a terminal: nothing in it may be taken for more than text. @module */

/** `text` without characters that move a cursor or change what is shown. */
export function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "?");
}
