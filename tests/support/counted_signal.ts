/** Signals whose listeners are counted. @module */

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
  const listeners = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (type: string, listener: EventListenerOrEventListenerObject): void => {
    listeners.add(listener);
    add(type, listener);
  };
  signal.removeEventListener = (
    type: string,
    listener: EventListenerOrEventListenerObject,
  ): void => {
    listeners.delete(listener);
    remove(type, listener);
  };
  return { controller, signal, count: () => listeners.size };
}
