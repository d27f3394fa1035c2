/** A choice that is made is told to the policies. @module */
import type { Policies, PromptFacts } from "../selection/mod.ts";
import type { Begun } from "./health.ts";

/** What is sent where. */
export interface Placement extends Pick<Begun, "engine" | "leg" | "peer"> {
  readonly prompt: PromptFacts;
}

/**
 * Have the policies remember where a prompt goes, those of both sides with the prefill leg of a handoff.
 * How many tokens of it the engine is expected to compute.
 */
export function place(policies: Policies, { engine, leg, peer, prompt }: Placement): number {
  const { prefill, decode, direct } = policies;
  if (leg === "prefill" && peer !== undefined) decode.placed?.(peer.id, prompt);
  const held = (leg === "prefill" ? prefill : direct).placed?.(engine.id, prompt) ?? 0;
  return Math.max(0, prompt.tokens - held);
}
