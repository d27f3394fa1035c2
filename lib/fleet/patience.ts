/** Whether an engine that gives no answer is still waited for. Pure. @module */
import type { Engine } from "../base/mod.ts";
import type { LiveEngine } from "./live_engine.ts";

/** An engine that owes answers, and what is there besides. */
export interface OverdueEngine {
  readonly engine: Engine;
  readonly all: Iterable<Pick<LiveEngine, "engine" | "verdict" | "asleep">>;
}

/**
 * Whether what is waited for of it is better asked of others. Where there is none, the deadlines of its
 * requests alone end them: an engine may be busy beyond measure, as one whose server shares its process
 * with the model, and to give it up would serve nobody.
 */
export function isGivenUp({ engine, all }: OverdueEngine): boolean {
  for (const other of all) if (replaces(other, engine)) return true;
  return false;
}

/** Whether `other` does what `engine` would: the same leg, or the whole request. */
function replaces(
  { engine: other, verdict: { kind }, asleep }: Pick<LiveEngine, "engine" | "verdict" | "asleep">,
  { id, role, models }: Engine,
): boolean {
  if (other.id === id || asleep || kind === "shut" || kind === "leaving") return false;
  if (other.role === "prefill" && role !== "prefill") return false;
  return other.models.some((model) => models.includes(model));
}
