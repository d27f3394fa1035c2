/** What a handoff works with. @module */
import type { KvTimeoutPolicy } from "../config/mod.ts";
import type { KvDeps, KvTable, Reclaimer } from "../kv/mod.ts";
import type { FlowDeps } from "../request/mod.ts";
import type { PromptSource, Tokenizer } from "../tokenization/mod.ts";
import type { NotificationProxy } from "../zmq/mod.ts";
import type { KvWitness } from "./kv_witness.ts";
import type { OwnLimits } from "./own_limits.ts";

/** Where notifications come in, and who has come there. */
export type NotificationPort = Pick<NotificationProxy, "endpoint" | "sight">;

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
  /** Where notifications come in; absent without a protocol that has them. */
  readonly notifications?: NotificationPort;
  /** Told of every handoff, to find out whether its KV is found. */
  readonly witness?: KvWitness | undefined;
}
