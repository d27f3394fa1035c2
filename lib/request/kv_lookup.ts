/** What tells how much of a prompt each engine has cached. @module */
import type { KvPrompt, PromptMaking } from "../kv_events/mod.ts";
import type { PromptSource, PromptTokens } from "../tokenization/mod.ts";

/** Where prompts are looked up. */
export interface KvLookup {
  /** Makes ids of prompts. */
  readonly prompts: PromptSource;
  prompt(ids: Int32Array, making: PromptMaking): KvPrompt;
  /** Tokens of `prompt` that the engine `id` has; undefined where nobody knows. */
  cachedAt(prompt: KvPrompt, id: string): number | undefined;
}

/** Ids of a request's prompt that were asked for before any engine was chosen. */
export interface EarlyIds {
  readonly tokens: PromptTokens;
  /** Whether they are those that the client's endpoint makes, whatever the request asks for. */
  readonly exact: boolean;
}
