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
  | { readonly kind: "direct"; readonly reason: DirectReason }
  | {
    readonly kind: "retry";
    readonly reason: RetryReason;
    /** For the client, when there is no further attempt. */
    readonly error: RouterError;
    /** Ids of the engines to go around. */
    readonly avoid: readonly string[];
  };
