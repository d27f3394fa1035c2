/** What requests to models are called in the semantic conventions for generative AI. @module */
import type { Attributes } from "./span.ts";

/** By the path they go to; a path that is not here generates nothing. */
const OPERATIONS: ReadonlyMap<string, string> = new Map([
  ["/v1/chat/completions", "chat"],
  ["/v1/responses", "chat"],
  ["/v1/messages", "chat"],
  ["/v1/completions", "text_completion"],
  ["/v1/embeddings", "embeddings"],
]);

/** Who serves models, where nothing else is known. */
const VLLM = "vllm";

/** The name of what is asked for on `path`; undefined for none of these. */
export function operationOf(path: string): string | undefined {
  return OPERATIONS.get(path);
}

/** Tokens as they are told where the engine has told them. */
export interface TokensTold {
  readonly prompt?: number | null | undefined;
  readonly answer?: number | null | undefined;
  readonly about?: boolean | undefined;
}

/** What is told of a model that is asked for. `gen_ai.system` is what later versions call the provider. */
export function generating(
  { operation, model, tokens, provider = VLLM }: {
    readonly operation: string | undefined;
    readonly model: string | undefined;
    readonly tokens: TokensTold | null | undefined;
    readonly provider?: string | undefined;
  },
): Attributes {
  if (model === undefined && operation === undefined) return {};
  const told = tokens?.about === true ? undefined : tokens;
  return {
    "gen_ai.operation.name": operation,
    "gen_ai.provider.name": provider,
    "gen_ai.system": provider,
    "gen_ai.request.model": model,
    "gen_ai.usage.input_tokens": told?.prompt ?? undefined,
    "gen_ai.usage.output_tokens": told?.answer ?? undefined,
  };
}
