/** Signals whose listeners are counted. @module */
import type { AbortWatch } from "../../lib/base/mod.ts";

/** A signal, what aborts it, and how many listeners it has. */
export interface CountedSignal {
  readonly controller: AbortController;
  readonly signal: AbortSignal;
  readonly count: () => number;
}

/** A signal that counts its listeners. */
export function countedSignal(): CountedSignal {
  const controller = new AbortController();
  const { signal } = controller;
  return { controller, signal, count: countListeners(signal) };
}

/**
 * Count the listeners that `signal` is given from here on. One that is to be called once is none any
 * more when it has been called.
 */
export function countListeners(signal: AbortWatch): () => number {
  const listeners = new Map<() => void, boolean>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (
    type: "abort",
    listener: () => void,
    options?: { readonly once?: boolean },
  ): void => {
    listeners.set(listener, options?.once === true);
    add(type, listener, options);
  };
  signal.removeEventListener = (type: "abort", listener: () => void): void => {
    listeners.delete(listener);
    remove(type, listener);
  };
  add("abort", () => {
    for (const [listener, once] of listeners) if (once) listeners.delete(listener);
  });
  return () => listeners.size;
}
