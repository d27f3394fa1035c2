/** How one attempt at a handoff ended. @module */
import type { RouterError } from "../base/mod.ts";
import type { DirectReason } from "../disagg/mod.ts";
import type { Answer } from "./answer.ts";

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
  | {
    readonly kind: "retry";
    readonly reason: RetryReason;
    /** For the client, when there is no further attempt. */
    readonly error: RouterError;
    /** Ids of the engines to go around: an attempt on these alone would be the same again. */
    readonly avoid: readonly string[];
    /** Id of an engine that is not at fault, but better gone around too. */
    readonly rather?: string;
    /** Id of a decode engine that may hold pages of this prompt which nobody has written. */
    readonly spoilt?: string;
  };
