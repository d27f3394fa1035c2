/** What every client is to do, and the bodies it is done with. @module */
import { MODEL } from "./engine.ts";

/** What is looked at, in the order of the table, each with its words there. */
export const CHECKS = {
  "whole": "whole answers",
  "stream": "streams, event by event",
  "keep-alive": "one connection for many requests",
  "pipelining": "requests sent ahead",
  "large": "4 MiB of known length",
  "chunked": "4 MiB in chunks",
  "100-continue": "`100 Continue` waited for",
  "leaves a stream": "leaves in a stream",
  "leaves its answer": "leaves before its answer",
  "h2c offer": "offers `Upgrade: h2c`",
  "HTTP/1.0": "HTTP/1.0",
} as const;

/** One of them. */
export type Check = keyof typeof CHECKS;

/** What one check of one client came to. */
export interface Seen {
  readonly check: Check;
  readonly ok: boolean;
  /** In words. */
  readonly seen: string;
}

/** A small prompt, and one of 4 MiB. */
export const PROMPT = "a prompt";
export const LARGE = "0123456789abcdef".repeat(4 * 65_536);

/** Events of the streams that are read to their end. */
export const EVENTS = 20;

/** Names under which a client leaves: the engine tells whether it has. */
export function leaver(check: Check, client: string): string | undefined {
  if (check === "leaves a stream") return `leave-stream-${client}`;
  return check === "leaves its answer" ? `leave-whole-${client}` : undefined;
}

/** A request's body. */
export function bodyOf(prompt: string, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ model: MODEL, prompt, ...more });
}

/** The text of a whole answer, or of an event without its `data: `. */
export function textOf(answer: string): string {
  const { choices } = JSON.parse(answer);
  return choices[0].text;
}

/** Whether `text` is all of a stream of `EVENTS` events. */
export function isWholeStream(text: string): boolean {
  const events = text.split("\n\n").filter((event) => event !== "");
  if (events.pop() !== "data: [DONE]") return false;
  const said = events.map((event) => textOf(event.slice("data: ".length))).join("");
  return said === Array.from({ length: EVENTS }, (_, at) => `t${at} `).join("");
}

/** Reads a stream: whether it was whole, and its events came one by one. */
export async function streamSeen(source: AsyncIterable<Uint8Array>): Promise<Seen> {
  const decoder = new TextDecoder();
  const times: number[] = [];
  let text = "";
  for await (const bytes of source) {
    times.push(performance.now());
    text += decoder.decode(bytes, { stream: true });
  }
  const spread = (times.at(-1) ?? 0) - (times[0] ?? 0);
  // Events that a buffer has held back come together.
  const ok = isWholeStream(text) && spread > EVENTS * 5;
  return { check: "stream", ok, seen: `${times.length} pieces over ${spread.toFixed(0)} ms` };
}

/** A row as a program prints it. Throws for a line that is none. */
export function parseSeen(line: string): Seen {
  const { check, ok, seen }: Record<string, unknown> = JSON.parse(line);
  if (typeof check !== "string" || !isCheck(check) || typeof seen !== "string") {
    throw new TypeError(`Cannot read what a client has told: ${line}`);
  }
  return { check, ok: ok === true, seen };
}

function isCheck(name: string): name is Check {
  return name in CHECKS;
}
