/** How long-running commands end. @module */
import { type Clock, RouterError } from "../base/mod.ts";

/** Exit code of a process that a second signal ended. */
export const INTERRUPTED = 130;

/** Wait until `work` has settled, at most `deadlineMs`; never rejects. */
export function settled(
  work: PromiseLike<unknown>,
  clock: Clock,
  deadlineMs: number,
): Promise<{ readonly error?: unknown }> {
  return new Promise((resolve) => {
    const late = new RouterError("internal", `not done within ${deadlineMs / 1000} s`);
    const timer = clock.after(deadlineMs, () => resolve({ error: late }));
    work.then(() => ({}), (error: unknown) => ({ error })).then((result) => {
      timer.cancel();
      resolve(result);
    });
  });
}
