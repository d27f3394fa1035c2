/** Time as an argument: the system clock here, a fake one in tests. @module */

import type { AbortWatch } from "./abort_watch.ts";

/** A pending call; disposing it cancels the call, any number of times. */
export interface Timer extends Disposable {
  /** Cancel, if it has not run. */
  cancel(): void;
}

/** Where durations, wall-clock times and delays come from. */
export interface Clock {
  /** Monotonic time in milliseconds; only differences mean anything. */
  now(): number;
  /** Wall-clock time in milliseconds since 1970-01-01 UTC; for timestamps, never for durations. */
  unixMs(): number;
  /**
   * Call `run` once after `delayMs` milliseconds, fractions included. Without a delay it is called when
   * the event loop has turned, and sockets had theirs.
   */
  after(delayMs: number, run: () => void): Timer;
}

/** What tells that the event loop has turned. */
export interface LoopTurns {
  /**
   * Calls `run` once, when the event loop has turned and has looked at its sockets meanwhile. Undefined
   * where that cannot be told (yet): a timer does it then.
   */
  next(run: () => void): Timer | undefined;
}

/** Longest delay the platform's timers take, in milliseconds; longer ones would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The machine's clock. Where `turns` cannot tell that the event loop has turned, a timer does, later. */
export function systemClock(turns?: LoopTurns): Clock {
  return {
    now: () => performance.now(),
    unixMs: () => Date.now(),
    after(delayMs, run) {
      const turn = delayMs <= 0 ? turns?.next(run) : undefined;
      if (turn !== undefined) return turn;
      // The platform cuts fractions off: whoever waited for a moment would be called before it.
      const handle = setTimeout(run, Math.min(Math.max(Math.ceil(delayMs), 0), MAX_DELAY_MS));
      const cancel = (): void => clearTimeout(handle);
      return { cancel, [Symbol.dispose]: cancel };
    },
  };
}

/** Resolve after `delayMs`, or at once when `signal` aborts; never rejects and leaves no timer. */
export function sleep(
  clock: Pick<Clock, "after">,
  delayMs: number,
  signal?: AbortWatch,
): Promise<"elapsed" | "aborted"> {
  if (signal?.aborted) return Promise.resolve("aborted");
  return new Promise((resolve) => {
    const onAbort = (): void => {
      timer.cancel();
      resolve("aborted");
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve("elapsed");
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * Run `task` every `periodMs` until the returned timer is cancelled. The next period starts when
 * the last run has ended, so runs never overlap; `task` handles its own errors.
 */
export function every(clock: Clock, periodMs: number, task: () => void | Promise<void>): Timer {
  let cancelled = false;
  let timer: Timer | undefined;
  const arm = (): void => {
    timer = clock.after(periodMs, async () => {
      await task();
      if (!cancelled) arm();
    });
  };
  arm();
  const cancel = (): void => {
    cancelled = true;
    timer?.cancel();
  };
  return { cancel, [Symbol.dispose]: cancel };
}
