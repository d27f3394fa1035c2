/** Engines on free ports and short ways to ask them. @module */
import {
  type Clock,
  type Random,
  seededRandom,
  silentLogger,
  systemClock,
} from "../../lib/base/mod.ts";
import { type SimEngine, type SimOptions, startSimEngine } from "../../lib/sim/mod.ts";

/** Parsed JSON of unknown shape; a wrong path throws, which fails the test. */
// deno-lint-ignore no-explicit-any
export type Json = any;

/** What an engine takes from outside, seeded, silent, with the machine's clock unless given. */
export function testPorts(
  clock: Clock = systemClock(),
  random: Random = seededRandom(1),
): {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: ReturnType<typeof silentLogger>;
} {
  return { clock, random, log: silentLogger() };
}

/** Start an engine. */
export function startEngine(
  options: Partial<SimOptions> = {},
  clock: Clock = systemClock(),
): Promise<SimEngine> {
  return startSimEngine(options, testPorts(clock));
}

/** An answer with its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; undefined when it is not JSON. */
  readonly json: Json;
}

/** Send JSON (or a text as it is) and read the whole answer. */
export async function post(
  engine: SimEngine,
  path: string,
  body: unknown,
  init: { readonly headers?: Readonly<Record<string, string>>; readonly signal?: AbortSignal } = {},
): Promise<Answer> {
  const response = await fetch(`${engine.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...init.headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...(init.signal === undefined ? {} : { signal: init.signal }),
  });
  return await answerOf(response);
}

/** Read the answer to a GET. */
export async function get(
  engine: SimEngine,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return await answerOf(await fetch(`${engine.url}${path}`, { headers }));
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const { status, headers } = response;
  return { status, headers, text, json: parse(text) };
}

function parse(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The data of the events of a stream; `[DONE]` as that text. */
export function eventsOf(text: string): Json[] {
  return text.split("\n\n").flatMap((event) => {
    const data = event.split("\n").filter((line) => line.startsWith("data: "));
    if (data.length === 0) return [];
    const joined = data.map((line) => line.slice(6)).join("\n");
    return [joined === "[DONE]" ? joined : JSON.parse(joined)];
  });
}

/** The text of a completion stream. */
export function completionText(events: readonly Json[]): string {
  return events.map((event) => event.choices?.[0]?.text ?? "").join("");
}

/** The content of a chat stream. */
export function chatText(events: readonly Json[]): string {
  return events.map((event) => event.choices?.[0]?.delta?.content ?? "").join("");
}

/** `kv_transfer_params` that send the KV of a prompt to `decode`. */
export function specFor(decode: SimEngine, reqId: string): Json {
  return {
    ret_first_tok: true,
    disagg_spec: {
      req_id: reqId,
      receiver_host: "127.0.0.1",
      receiver_init_port: decode.initPorts,
      receiver_alloc_port: decode.allocPorts,
    },
  };
}
