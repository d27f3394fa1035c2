/** What engines are thought to have of prompts, by the beginnings that they have met. @module */
import type { PrefixExchange } from "./prefix_exchange.ts";
import type { PrefixIndex } from "./prefix_index.ts";
import { CHUNK_CHARS, type PromptFacts } from "./prompt_facts.ts";

/** How beginnings count. */
export interface PrefixRules {
  /** Shared by the policies of one router. */
  readonly index: PrefixIndex;
  /** A shorter match counts for nothing, in characters. */
  readonly minMatch: number;
  /** By which other routers know of it; absent where there are none. */
  readonly exchange?: PrefixExchange | undefined;
}

/** Tokens of `prompt` that each engine has met, about. Holds until the index is asked again. */
export function heldBy(
  { index, minMatch }: PrefixRules,
  prompt: PromptFacts,
): (id: string) => number {
  const chunks = prompt.chunks();
  const met = index.look(chunks);
  const least = Math.ceil(minMatch / CHUNK_CHARS);
  const each = tokensPerChunk(prompt);
  return (id) => {
    const count = met(id);
    return count < least ? 0 : Math.floor(count * each);
  };
}

/** The engine `id` gets `prompt`; how many tokens of it, about, it had met before. */
export function meet(
  { index, exchange }: PrefixRules,
  id: string,
  prompt: PromptFacts,
): number {
  const chunks = prompt.chunks();
  const had = index.add(id, chunks);
  if (had < chunks.length) exchange?.met(id, chunks);
  return Math.floor(had * tokensPerChunk(prompt));
}

function tokensPerChunk(prompt: PromptFacts): number {
  const { length } = prompt.chunks();
  return length === 0 ? 0 : Math.min(CHUNK_CHARS, prompt.tokens / length);
}
