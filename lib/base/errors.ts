/** The closed list of what can go wrong, and the one error class that carries it. @module */

/** Every failure the router reports; `ERROR_MEANINGS` of lib/openai/ says what each is to a client. */
export type ErrorCode =
  | "bad-request"
  | "body-too-large"
  /** The body is in a content coding that nobody here can undo. */
  | "unsupported-coding"
  /** The body says that it is of a type that is not taken here. */
  | "unsupported-type"
  /** What is asked for does not go with what is there. */
  | "conflict"
  /** The client sent nothing for too long. */
  | "client-timeout"
  /** More is held for clients than may be; soon it will be less. */
  | "overloaded"
  /** No key, or none that is known. */
  | "unauthorized"
  /** The key is good, but not for this. */
  | "forbidden"
  /** The key's share is used up; soon there will be more. */
  | "rate-limited"
  | "not-found"
  | "method-not-allowed"
  | "unknown-model"
  | "unknown-engine"
  | "no-engine"
  /** The engines do not take the router's own key. */
  | "key-refused"
  | "tokenize-failed"
  | "prefill-failed"
  | "kv-timeout"
  | "decode-failed"
  /** Two engines tell of models, versions or sizes by which their KV is not one another's. */
  | "pair-unequal"
  | "upstream-unreachable"
  | "upstream-protocol"
  | "upstream-lost"
  | "upstream-timeout"
  /** An engine says of itself that it cannot serve. */
  | "engine-unhealthy"
  /** An engine did not answer a request that the router tried it with. */
  | "check-failed"
  /** The whole request took too long, whoever was slow. */
  | "request-timeout"
  | "client-gone"
  | "shutting-down"
  | "internal";

/** What an engine answers to a request that it does not serve, for the client. */
export interface Refusal {
  readonly status: number;
  /** End-to-end fields, such as `Retry-After`. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

/** Details beside the message. */
export interface RouterErrorOptions {
  readonly cause?: unknown;
  /** The request field at fault. */
  readonly param?: string | undefined;
  /** The method to use instead, with `method-not-allowed`. */
  readonly allow?: string | undefined;
  /** An engine's own words, which the client gets in the place of the router's. */
  readonly refusal?: Refusal | undefined;
  /** Header fields of the answer that tells a client of it. */
  readonly fields?: readonly (readonly [name: string, value: string])[] | undefined;
}

/** A failure with a code from the closed list; the text names the action and the value. */
export class RouterError extends Error {
  override readonly name = "RouterError";
  readonly code: ErrorCode;
  readonly param: string | undefined;
  readonly allow: string | undefined;
  readonly refusal: Refusal | undefined;
  readonly fields: NonNullable<RouterErrorOptions["fields"]>;

  constructor(code: ErrorCode, message: string, options: RouterErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.param = options.param;
    this.allow = options.allow;
    this.refusal = options.refusal;
    this.fields = options.fields ?? [];
  }
}

/** The message of anything thrown, with those of its causes, outermost first. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  // Bounded by depth: a chain of causes can be a circle.
  for (let depth = 0; depth < 5 && current !== undefined && current !== null; depth++) {
    const text = current instanceof Error ? current.message || current.name : String(current);
    // Errors that wrap another often quote it.
    if (!parts.some((part) => part.includes(text))) parts.push(text);
    current = current instanceof Error ? current.cause : undefined;
  }
  return parts.join(": ");
}

/**
 * The error that says that the router had no room for this, where `error` or one of its causes does:
 * whatever was being done then, it is nobody else's fault.
 */
export function overloadIn(error: unknown): RouterError | undefined {
  let current: unknown = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    if (current instanceof RouterError && current.code === "overloaded") return current;
    current = current.cause;
  }
  return undefined;
}

/** The code of a `RouterError`; undefined for anything else. */
export function errorCodeOf(error: unknown): ErrorCode | undefined {
  return error instanceof RouterError ? error.code : undefined;
}

/** Failures in which no byte of a request has been sent. */
const UNSENT: ReadonlySet<unknown> = new Set<ErrorCode>(["upstream-unreachable", "overloaded"]);

/** Whether a request to an engine that failed with `error` cannot have reached it. */
export function isUnsent(error: unknown): boolean {
  return UNSENT.has(errorCodeOf(error));
}

/** The code of the innermost `RouterError` among an error and its causes; undefined without any. */
export function rootCodeOf(error: unknown): ErrorCode | undefined {
  let root: ErrorCode | undefined;
  let current: unknown = error;
  // Bounded by depth: a chain of causes can be a circle.
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    root = errorCodeOf(current) ?? root;
    current = current.cause;
  }
  return root;
}
