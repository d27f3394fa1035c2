/** How long a prefill may take: as long as its prompt is. @module */
import type { Timeouts } from "../config/mod.ts";

type PrefillTimeouts = Pick<Timeouts, "prefillMs" | "prefillMsPerToken">;

/** Longest prompt that a wait is reckoned for, in tokens. */
const MAX_TOKENS = 1024 * 1024;

/** Least bytes of a request's JSON for each token of its prompt, in most languages and as ids. */
const BYTES_PER_TOKEN = 2;

/** Longest wait for the answer to a prefill whose request has `bytes`, in milliseconds. */
export function prefillWaitMs(timeouts: PrefillTimeouts, bytes: number): number {
  const tokens = Math.min(Math.ceil(bytes / BYTES_PER_TOKEN), MAX_TOKENS);
  return timeouts.prefillMs + tokens * timeouts.prefillMsPerToken;
}

/** The longest of these waits. */
export function longestPrefillMs(timeouts: PrefillTimeouts): number {
  return prefillWaitMs(timeouts, MAX_TOKENS * BYTES_PER_TOKEN);
}
