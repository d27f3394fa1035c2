/** About how long a prompt is, before anybody has made ids of it. Pure. @module */
import type { GenerationRequest } from "./generation.ts";

/** Bytes of a prompt in a token, about: few, as what is promised to it should do. */
const BYTES_PER_TOKEN = 3;

/** Fields that prompts are made of. */
const FIELDS = ["prompt", "messages", "input", "instructions", "system", "tools"] as const;

/** Tokens of the prompt of `request`: their number where it is of ids, else about. */
export function promptTokensOf(
  { prompt, body }: Pick<GenerationRequest, "prompt" | "body">,
): number {
  if (prompt.kind === "tokens") return prompt.count;
  const bytes = FIELDS.reduce((sum, name) => sum + (body.raw(name)?.length ?? 0), 0);
  return Math.max(1, Math.ceil(bytes / BYTES_PER_TOKEN));
}
