/** When handoffs do not pay, from settings. @module */
import type { WorthOptions } from "./schema.ts";
import type { Settings } from "./settings.ts";

/** The rules; none where a handoff always pays and clients do not choose. */
export function worthOptions(settings: Settings): { readonly worth?: WorthOptions } {
  const minPromptTokens = settings.number("disagg-min-prompt-tokens");
  const maxPrefillQueue = settings.number("disagg-max-prefill-queue");
  const routeHeader = settings.on("allow-route-header");
  return minPromptTokens > 0 || maxPrefillQueue > 0 || routeHeader
    ? { worth: { minPromptTokens, maxPrefillQueue, routeHeader } }
    : {};
}
