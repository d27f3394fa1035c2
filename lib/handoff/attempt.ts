/** How one attempt at a handoff ended. @module */
import type { RouterError } from "../base/mod.ts";
import type { DirectReason } from "../disagg/mod.ts";
import type { Answer } from "../request/mod.ts";
import type { Exclude } from "../selection/mod.ts";

/** What failed, as a metric label. */
export type RetryReason = "tokenize_failed" | "prefill_failed" | "kv_timeout" | "decode_failed";

/** The ends of an attempt of which nothing has reached the client, except by the answer. */
export type AttemptEnd =
  | { readonly kind: "answer"; readonly answer: Answer }
  /** One engine has to serve this request whole. */
  | {
    readonly kind: "direct";
    readonly reason: DirectReason;
    /** KV of the prompt is at a decode engine, or on its way there. */
    readonly moved?: true;
  }
  | RetryEnd;

/** The attempt came to nothing; another one may do better. */
export interface RetryEnd {
  readonly kind: "retry";
  readonly reason: RetryReason;
  /** For the client, when there is no further attempt. */
  readonly error: RouterError;
  /** The engines that a further attempt goes around. */
  readonly exclude: readonly Exclude[];
}
