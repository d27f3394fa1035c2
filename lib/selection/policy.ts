/** How one engine is chosen among several that all could serve. @module */
import type { Engine, Mode } from "../base/mod.ts";
import type { Candidate, Verdict } from "./candidate.ts";
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

/** What of a prompt costs something to be known: hashes of its text, or what engines hold of it. */
export type PromptPart = "chunks" | "cached";

/** The pairs that a handoff can choose among, of which all engines are as good. */
export interface PairView {
  readonly decodes: Candidates;
  /** The prefill engines for `decode`; one list for all decode engines of a protocol. */
  prefillsOf(decode: Candidate): Candidates;
  /** What health says of the two together. */
  verdict(prefill: Candidate, decode: Candidate): Verdict;
}

/** The two engines of a handoff. */
export interface PickedPair {
  readonly prefill: Candidate;
  readonly decode: Candidate;
}

/** Chooses one of several. Pure but for its own memory, synchronous, and never empty-handed. */
export interface Policy {
  /** What of prompts it looks at. */
  readonly reads?: PromptPart;
  /** Requests of one session meet one engine, whatever others have to do. */
  readonly sticky?: true;
  pick(from: Candidates, ask: PickAsk): Candidate;
  /**
   * A pair at once, where the policies of both sides do so; undefined where it finds none that is not
   * shut, for the sides to choose one after the other.
   */
  pickPair?(pairs: PairView, ask: PickAsk): PickedPair | undefined;
  /**
   * The engine `id` is sent `prompt`: what is remembered of choices, is remembered here. How many tokens
   * of it the engine is expected to have already.
   */
  placed?(id: string, prompt: PromptFacts): number;
  /** Tokens of `prompt` that the engine `id` is thought to have; absent where nothing is remembered. */
  held?(this: void, id: string, prompt: PromptFacts): number;
  /** An engine has gone: nothing of it shall be kept. */
  forget?(id: string): void;
}
