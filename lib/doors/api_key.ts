/** What a key is, and what it may. @module */

/** What a key's owner may have of the router; absent members are without a bound. */
export interface KeyLimits {
  readonly requestsPerSecond?: number;
  /** Requests whose answers have not ended. */
  readonly concurrentRequests?: number;
  /** Of prompts and answers together. */
  readonly tokensPerMinute?: number;
  /** Models, or aliases of models, that it may use. */
  readonly models?: readonly string[];
}

/** A key, without the key itself. */
export interface ApiKey {
  /** For people and metrics; no secret. */
  readonly name: string;
  /** SHA-256 of the key, in 64 lower-case hexadecimal digits. */
  readonly digest: string;
  readonly limits: KeyLimits;
}
