/** About how many tokens a request will use, before anybody has counted. Pure. @module */
import type { JsonObject } from "../openai/mod.ts";

/** Bytes of a prompt in a token, about. */
const BYTES_PER_TOKEN = 4;

/** Fields that limit an answer, in the order in which they count. */
const LIMITS = ["max_completion_tokens", "max_output_tokens", "max_tokens"] as const;

/** An estimate in its parts, in tokens. */
export interface Estimate {
  readonly prompt: number;
  /** As many as the client allows; 0 where it says nothing, which only the engine could tell. */
  readonly answer: number;
}

/** About what `body` will use. */
export function estimateOf(body: JsonObject): Estimate {
  const prompt = Math.ceil(body.bytes.length / BYTES_PER_TOKEN);
  const [limit = 0] = LIMITS.map((name) => countOf(body, name)).filter((value) => value > 0);
  const several = Math.max(1, countOf(body, "n"));
  const answer = limit * several;
  return { prompt, answer: Number.isSafeInteger(answer) ? answer : Number.MAX_SAFE_INTEGER };
}

/** A number that may stand in `body`; 0 for anything else, which the engine will speak to. */
function countOf(body: JsonObject, name: string): number {
  const raw = body.raw(name);
  // No longer than numbers are.
  if (raw === undefined || raw.length > 20) return 0;
  const value = Number(String.fromCharCode(...raw));
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}
