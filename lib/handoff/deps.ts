/** What a handoff works with. @module */
import type { KvTimeoutPolicy } from "../config/mod.ts";
import type { KvDeps, KvTable, Reclaimer } from "../kv/mod.ts";
import type { FlowDeps } from "../request/mod.ts";
import type { PromptSource, Tokenizer } from "../tokenization/mod.ts";
import type { OwnLimits } from "./own_limits.ts";

/** The parts of a handoff. */
export interface HandoffDeps extends FlowDeps, Pick<KvDeps, "board" | "ids"> {
  /** How KV of each engine moves. */
  readonly kv: KvTable;
  readonly tokenizer: Tokenizer;
  readonly prompts: PromptSource;
  readonly limits: Pick<OwnLimits, "of">;
  readonly reclaimer: Pick<Reclaimer, "adopt">;
  readonly kvReadyTimeoutMs: number;
  readonly kvTimeoutPolicy: KvTimeoutPolicy;
}
