/** Faults that nothing in the program has caught. @module */
import { describeError } from "../base/mod.ts";

/** Where such faults are told: `globalThis`. */
export type FaultTarget = Pick<EventTarget, "addEventListener" | "removeEventListener">;

/**
 * Tell uncaught errors and rejections to `complain` and go on: a fault in one request must not end
 * all the others. Disposing it restores the default, which ends the process.
 */
export function outliveFaults(
  target: FaultTarget,
  complain: (line: string) => void,
): Disposable {
  const tell = (event: Event): void => {
    event.preventDefault();
    const fault: unknown = event instanceof PromiseRejectionEvent
      ? event.reason
      : event instanceof ErrorEvent
      ? event.error ?? event.message
      : event.type;
    const stack = fault instanceof Error ? fault.stack ?? "" : "";
    complain(`pd-router: A fault nothing caught: ${describeError(fault)}\n${stack}`.trimEnd());
  };
  const kinds = ["error", "unhandledrejection"];
  for (const kind of kinds) target.addEventListener(kind, tell);
  return {
    [Symbol.dispose]() {
      for (const kind of kinds) target.removeEventListener(kind, tell);
    },
  };
}
