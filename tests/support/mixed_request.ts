/** Requests of every shape that a handoff carries, at random. @module */
import type { Random } from "../../lib/base/mod.ts";
import { MODEL } from "./cluster.ts";

/** One request. */
export interface MixedRequest {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

const WORDS: readonly [string, ...string[]] = [
  "river",
  "städte",
  "世界",
  "42",
  "\n",
  "😀",
  '"quoted"',
  "the",
  "kv",
];

function pick<T>(random: Random, values: readonly [T, ...T[]]): T {
  const at = Math.floor(random.next() * values.length);
  return values.find((_, index) => index === at) ?? values[0];
}

function prompt(random: Random): string {
  const words = 1 + Math.floor(random.next() * (random.next() < 0.1 ? 400 : 20));
  return Array.from({ length: words }, () => pick(random, WORDS)).join(" ");
}

/** A request over what a handoff carries, and over where it has to end early. */
export function mixedRequest(random: Random): MixedRequest {
  const stream = random.next() < 0.5;
  const limit = pick<number | undefined>(random, [undefined, 1, 2, 3, 7, 30]);
  const chat = random.next() < 0.5;
  const limitName = chat && random.next() < 0.5 ? "max_completion_tokens" : "max_tokens";
  const say = random.next() < 0.2
    ? `[[sim:say ${pick(random, ["世界é", "a", "one two STOP x"])}]]`
    : "";
  const length = random.next() < 0.5 ? `[[sim:len ${1 + Math.floor(random.next() * 40)}]]` : "";
  const text = `${prompt(random)} ${say === "" ? length : say}`;
  return {
    path: chat ? "/v1/chat/completions" : "/v1/completions",
    body: {
      model: MODEL,
      temperature: 0,
      stream,
      ...(chat ? { messages: [{ role: "user", content: text }] } : { prompt: text }),
      ...(limit === undefined ? {} : { [limitName]: limit }),
      ...(chat && limit === undefined ? { max_tokens: 50 } : {}),
      ...(stream && random.next() < 0.6 ? { stream_options: { include_usage: true } } : {}),
      ...(random.next() < 0.2
        ? { stop: pick<unknown>(random, [["STOP"], ["zz", " o"], "the"]) }
        : {}),
      ...(random.next() < 0.1 ? { ignore_eos: true, max_tokens: 9 } : {}),
      ...(random.next() < 0.1 ? { min_tokens: 2, max_tokens: 9 } : {}),
    },
  };
}
