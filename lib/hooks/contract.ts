/** What an operator's module exports: the hooks that requests go through. @module */

/** A request whose body has been read, before it is sent on. */
export interface HookRequest {
  /** `X-Request-Id`, the client's or the router's. */
  readonly id: string;
  readonly method: string;
  /** Without the root path, e.g. `/v1/chat/completions`. */
  readonly path: string;
  /** As the client sent it, with its `?`; empty for none. */
  readonly query: string;
  /** All of the client's fields, `Authorization` included. */
  readonly headers: Headers;
  /** As the client names it; empty where it names none. */
  readonly model: string;
  /** The body as UTF-8. Must not be changed. */
  readonly body: Uint8Array;
  /** The name of the API key that it was let in with; absent for none. */
  readonly key?: string;
  /** The body parsed, anew with each call. */
  json(): unknown;
}

/** An answer that has ended. */
export interface HookAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The beginning of the body, or all of it; what the client was sent. */
  readonly content: Uint8Array;
  /** `content` is all of it: it was not longer than is kept, and neither broke nor was left. */
  readonly complete: boolean;
}

/** The export that `--callbacks` names: an object, or an instance of a class, with one of these. */
export interface Callbacks {
  /** An answer ends the request here; nothing lets it go on. */
  preRequest?(request: HookRequest): MaybePromise<Response | undefined | void>;
  /** Called behind the answer, while nobody waits for it. */
  postRequest?(request: HookRequest, answer: HookAnswer): MaybePromise<void>;
}

/**
 * The export that `--request-rewriter` names, or its method `rewriteRequest`: the body to go on with.
 * Nothing leaves it as it is.
 */
export type RewriteRequest = (
  body: string,
  model: string,
  endpoint: string,
) => MaybePromise<string | undefined | void>;

/** A value, at once or later. */
export type MaybePromise<T> = T | Promise<T>;
