/** The requests of a run: each follows from the seed and its number alone. @module */
import { type Random, seededRandom } from "../../lib/base/mod.ts";
import { MODEL } from "../../tests/support/cluster.ts";
import { between, happens, pick } from "./dice.ts";

/** When a client leaves before its answer has ended: after so long, or so many bytes of it. */
export type Leaving =
  | { readonly kind: "time"; readonly ms: number }
  | { readonly kind: "bytes"; readonly bytes: number };

/** One request. */
export interface ChaosRequest {
  readonly index: number;
  readonly id: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly leaves: Leaving | undefined;
  /** How long the client rests after each piece that it takes, in milliseconds. */
  readonly restMs: number;
}

const WORDS = ["river", "städte", "世界", "42", "\n", "😀", '"quoted"', "the", "kv"] as const;
const TOOL = {
  type: "function",
  function: {
    name: "weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string", minLength: 3 }, days: { type: "integer" } },
      required: ["city"],
    },
  },
};
const CALL = '[[sim:call weather {"city": "Oslo 世", "days": 3}]]';

/** How much of the seed's space one run takes. */
const PER_SEED = 1_000_003;

/** The request with number `index`. */
export function chaosRequest(seed: number, index: number): ChaosRequest {
  const random = seededRandom(seed * PER_SEED + index);
  const chat = happens(random, 0.5);
  return {
    index,
    id: `chaos-${seed}-${index}`,
    path: chat ? "/v1/chat/completions" : "/v1/completions",
    body: { model: MODEL, ...(chat ? chatBody : completionBody)(random, index) },
    leaves: happens(random, 0.2) ? leaving(random) : undefined,
    restMs: happens(random, 0.1) ? between(random, 1, 40) : 0,
  };
}

/** Spread over all phases: before the prefill, in it, while KV is awaited, and within the answer. */
function leaving(random: Random): Leaving {
  return pick<() => Leaving>(random, [
    () => ({ kind: "time", ms: between(random, 0, 8) }),
    () => ({ kind: "time", ms: between(random, 8, 80) }),
    () => ({ kind: "time", ms: between(random, 80, 600) }),
    () => ({ kind: "bytes", bytes: between(random, 1, 6_000) }),
  ])();
}

/** Text of a prompt: no other has the same; some are longer than a chunk of KV. */
function text(random: Random, index: number, directive: string): string {
  const long = happens(random, 0.15);
  const count = between(random, 1, long ? 700 : 25);
  const words = Array.from({ length: count }, () => pick(random, WORDS));
  return `Number ${index}: ${words.join(" ")} ${directive}`;
}

function said(random: Random): string {
  if (happens(random, 0.2)) {
    return `[[sim:say ${pick(random, ["世界é", "a", "one two STOP three", "STO what"])}]]`;
  }
  return `[[sim:len ${between(random, 1, happens(random, 0.2) ? 150 : 30)}]]`;
}

type Fields = Readonly<Record<string, unknown>>;

/** Streamed or whole, with its usage or without. */
function streaming(random: Random): Fields {
  const stream = happens(random, 0.6);
  if (!stream || happens(random, 0.4)) return { stream };
  const continuous = happens(random, 0.2) ? { continuous_usage_stats: true } : {};
  return { stream, stream_options: { include_usage: true, ...continuous } };
}

/** How tokens are chosen: the same on every engine, whoever computes them. */
function sampling(random: Random): Fields {
  const several = happens(random, 0.1);
  return {
    max_tokens: between(random, 1, happens(random, 0.2) ? 200 : 40),
    ...(several
      ? { n: between(random, 2, 3), temperature: 0.7, seed: between(random, 0, 99) }
      : { temperature: 0 }),
    ...(happens(random, 0.05) ? { ignore_eos: true } : {}),
    // Refused by every engine.
    ...(happens(random, 0.02) ? { temperature: -1 } : {}),
  };
}

function completionBody(random: Random, index: number): Fields {
  const prompt = (part: number): string => text(random, index + part / 10, said(random));
  const list = happens(random, 0.15);
  const logprobs = happens(random, 0.15);
  return {
    prompt: list
      ? Array.from({ length: between(random, 1, 3) }, (_, part) => prompt(part))
      : prompt(0),
    ...sampling(random),
    ...streaming(random),
    ...(logprobs ? { logprobs: pick(random, [0, 1, 3]) } : {}),
    // Offsets of logprobs depend on how much text is held back for stop strings.
    ...(!logprobs && happens(random, 0.15) ? { stop: stops(random) } : {}),
    ...(happens(random, 0.05) ? { echo: true } : {}),
  };
}

function chatBody(random: Random, index: number): Fields {
  const tools = happens(random, 0.15);
  const content = text(random, index, tools && happens(random, 0.7) ? CALL : said(random));
  return {
    messages: [
      ...(happens(random, 0.3) ? [{ role: "system", content: "Be brief." }] : []),
      { role: "user", content },
    ],
    ...sampling(random),
    ...streaming(random),
    ...(tools ? { tools: [TOOL], tool_choice: "auto", max_tokens: 60 } : {}),
    ...(happens(random, 0.15) ? { logprobs: true } : {}),
    ...(happens(random, 0.15) ? { stop: stops(random) } : {}),
  };
}

function stops(random: Random): unknown {
  return pick<unknown>(random, [["STOP"], ["zz", " o"], "the", "世"]);
}
