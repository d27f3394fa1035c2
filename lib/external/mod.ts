/**
 * Models that are served by others: providers with OpenAI's or Anthropic's API.
 *
 * Knows nothing of engines, policies and handoffs, which have no part in these requests.
 * @module
 */
export * from "./providers.ts";
