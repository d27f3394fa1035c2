/** One call of an operator's hook: it may fail or take too long, and nobody waits for it for ever. @module */
import { type AbortWatch, type Clock, describeError, RouterError } from "../base/mod.ts";
import type { MaybePromise } from "./contract.ts";

/** Circumstances of a call. */
export interface CallBounds {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Aborts when nobody wants the result any more. */
  readonly signal: AbortWatch;
}

/**
 * What `call` gives. Rejects with `RouterError`: `internal` where it throws, `request-timeout` where it
 * takes too long, `client-gone` where nobody waits any more. What it does after that is not looked at; a
 * call that never gives the processor back cannot be ended.
 *
 * @param what The hook's name, for messages.
 */
export function boundedCall<T>(
  what: string,
  { clock, timeoutMs, signal }: CallBounds,
  call: () => MaybePromise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
      settle();
    };
    const onAbort = (): void =>
      end(() => reject(new RouterError("client-gone", `Nobody waits for ${what} any more`)));
    const timer = clock.after(timeoutMs, () => {
      const message = `${what} took more than ${timeoutMs / 1000} s (--callback-timeout)`;
      end(() => reject(new RouterError("request-timeout", message)));
    });
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    // In an async function, so that what it throws at once is a rejection too.
    (async () => await call())().then((value) => end(() => resolve(value)), (cause: unknown) => {
      const message = `${what} failed: ${describeError(cause)}`;
      end(() =>
        reject(
          new RouterError("internal", `${what} failed`, { cause: new Error(message, { cause }) }),
        )
      );
    });
  });
}
