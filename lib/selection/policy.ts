/** How one engine is chosen among several that all could serve. @module */
import type { Engine, Mode } from "../base/mod.ts";
import type { Candidate } from "./candidate.ts";
import type { PromptFacts } from "./prompt_facts.ts";

/** What one choice may depend on. */
export interface PickAsk {
  readonly model: string;
  /** Requests with one key should meet one engine. */
  readonly session?: string | undefined;
  /** What is known of the prompt; absent where there is none. */
  readonly prompt?: PromptFacts | undefined;
  /** Mode of the handoff that a pair is chosen for; absent where one engine serves. */
  readonly mode?: Mode | undefined;
  /** 1 for a request's first choice. Later ones take no turn, or every failure would shift them. */
  readonly attempt: number;
  /** All engines of the fleet; the same array as long as none has changed. */
  readonly universe: readonly Engine[];
  /** The other engine of the pair, when it is chosen already, and among how many of its protocol. */
  readonly peer?: { readonly candidate: Candidate; readonly among: number } | undefined;
}

/** At least one candidate, ordered by URL. */
export type Candidates = readonly [Candidate, ...Candidate[]];

/** Chooses one of several. Pure but for its own memory, synchronous, and never empty-handed. */
export interface Policy {
  pick(from: Candidates, ask: PickAsk): Candidate;
  /** An engine has gone: nothing of it shall be kept. */
  forget?(id: string): void;
}
