/** How requests and answers end that do not end by themselves. @module */
import { RouterError } from "../../base/mod.ts";
import type { Answer } from "../../request/mod.ts";

/** Nobody is there to take it. */
export function discard({ body }: Answer): void {
  if (!(body instanceof Uint8Array)) body.cancel();
}

/** Why a body is read no further: its request has been answered. */
export function answered(): RouterError {
  return new RouterError("client-gone", "The request has been answered");
}

/** Why a body ends before its end. */
export function clientGone(): RouterError {
  return new RouterError("client-gone", "The client closed the connection");
}

/** Why a body is waited for no longer. */
export function bodyTooSlow(): RouterError {
  return new RouterError("client-timeout", "The request body did not arrive in time");
}
