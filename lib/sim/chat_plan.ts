/** A chat request as its answers need it. @module */
import type { OutputMode } from "./chat_output.ts";
import type { Sampling } from "./sampling.ts";
import type { UsageDetails } from "./usage.ts";

/** What all answers of one chat request share. */
export interface ChatPlan {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly sampling: Sampling;
  readonly mode: OutputMode;
  /** Text of a final assistant message to repeat before the output, with `echo`. */
  readonly echo: string;
  readonly details: UsageDetails;
  /** The engine reads the text for its parts: it skips deltas with nothing in them. */
  readonly parsed: boolean;
  /** Tokens of thought are counted in usage. */
  readonly countsReasoning: boolean;
  /** Thoughts are left out, and with them what could tell of them. */
  readonly hidesReasoning: boolean;
  /** Calls of tools end an answer for that reason, unless one was asked for by name. */
  readonly named: boolean;
  readonly promptLogprobs: number | undefined;
  readonly seed: number;
  /** A fresh id for a tool call. */
  readonly toolId: () => string;
}
