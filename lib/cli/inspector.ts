/**
 * Keeps V8's inspector closed, through which whoever reaches its port runs code in this process.
 *
 * Deno 2.9 opens it on SIGUSR1, whatever listeners there are (denoland/deno pull request 35738). A
 * signal that is blocked does not arrive: the launchers see to that where they can
 * (`scripts/compile/launch.sh`). Otherwise the port is held, which nothing can be opened on then.
 * @module
 */
import { type Clock, describeError, every } from "../base/mod.ts";

/** Where Deno opens it. */
export const INSPECTOR_ADDRESS = { hostname: "127.0.0.1", port: 9229 } as const;

/** How often a port that another process holds is tried to be had, in milliseconds. */
export const RETRY_MS = 1_000;

/** The variable in which a launcher says which signals it has blocked. */
export const BLOCKED_VARIABLE = "PD_ROUTER_BLOCKED_SIGNALS";

/** What holding the port needs. */
export interface InspectorGuardIo {
  readonly clock: Clock;
  /** `Deno.listen`. */
  readonly listen: (address: typeof INSPECTOR_ADDRESS) => { close(): void };
  readonly env: (name: string) => string | undefined;
  /** One line to standard error. */
  readonly complain: (line: string) => void;
}

/**
 * Hold the inspector's port until disposed, unless SIGUSR1 cannot arrive. As long as another process
 * has the port the inspector cannot be opened either: it is tried again, for when that one ends.
 */
export function guardInspector({ clock, listen, env, complain }: InspectorGuardIo): Disposable {
  if (env(BLOCKED_VARIABLE)?.split(",").includes("USR1")) return { [Symbol.dispose]: () => {} };
  let held: { close(): void } | undefined;
  /** Whether there is nothing more to try. */
  const hold = (): boolean => {
    try {
      held = listen(INSPECTOR_ADDRESS);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) return false;
      complain(
        "pd-router: SIGUSR1 can open V8's inspector, whose port cannot be held: " +
          describeError(error),
      );
      return true;
    }
  };
  const settled = hold();
  const retry = settled ? undefined : every(clock, RETRY_MS, () => {
    if (hold()) retry?.cancel();
  });
  return {
    [Symbol.dispose](): void {
      retry?.cancel();
      held?.close();
    },
  };
}
