/** Refusals of the router's own key: a client can do nothing about them. @module */
import { RouterError } from "../base/mod.ts";
import type { Doors } from "../doors/mod.ts";

/** Statuses by which engines refuse a key. */
const KEY_REFUSALS: ReadonlySet<number> = new Set([401, 403]);

/** Whether an engine's answer with `status` refuses the key that the router keeps for engines. */
export function refusesKey({ keepsKeys }: Pick<Doors, "keepsKeys">, status: number): boolean {
  return keepsKeys && KEY_REFUSALS.has(status);
}

/** What clients are told in place of such an answer. */
export function keyRefused(): RouterError {
  return new RouterError("key-refused", "The engines refuse the router's key");
}

/** `error`, or what clients are told in its place where it carries such an answer. */
export function withoutKeyRefusal<E>(doors: Pick<Doors, "keepsKeys">, error: E): E | RouterError {
  const refusal = error instanceof RouterError ? error.refusal : undefined;
  return refusal !== undefined && refusesKey(doors, refusal.status) ? keyRefused() : error;
}
