/** How many tokens may be generated, as one engine would reckon it. @module */
import type { GenerationRequest } from "./generation.ts";

/** vLLM's limit for completions without one (`normalize_null_max_tokens`). */
const COMPLETIONS_DEFAULT = 16;

/** The answer's limit in tokens, at least 1, or that one engine must judge the request. */
export type Budget =
  | { readonly kind: "tokens"; readonly maxTokens: number }
  | { readonly kind: "direct" };

/**
 * The limit for `request` with a prompt of `promptTokens`. A request that one engine would refuse
 * or cut for its length (`min_tokens` above the limit included) is left to one engine, as is a chat
 * request without a limit when the context length is not known. `ownLimit` is what the engine sets
 * where the request sets none, if that is less.
 */
export function budgetOf(
  request: GenerationRequest,
  promptTokens: number,
  maxModelLen: number | undefined,
  ownLimit?: number,
): Budget {
  const room = maxModelLen === undefined ? undefined : maxModelLen - promptTokens;
  const wanted = request.maxTokens ?? defaultOf(request, room, ownLimit);
  if (wanted === undefined || wanted < 1 || promptTokens < 1) return { kind: "direct" };
  if (wanted < request.minTokens || (room !== undefined && wanted > room)) {
    return { kind: "direct" };
  }
  return { kind: "tokens", maxTokens: wanted };
}

function defaultOf(
  { form }: GenerationRequest,
  room: number | undefined,
  ownLimit: number | undefined,
): number | undefined {
  if (form === "completions") return Math.min(ownLimit ?? COMPLETIONS_DEFAULT, COMPLETIONS_DEFAULT);
  return room === undefined ? undefined : Math.min(room, ownLimit ?? room);
}
