/** When a worker stops: as its supervisor orders, as it is told itself, or as the supervisor has gone. @module */
import type { Logger } from "../base/mod.ts";
import type { Member } from "../workers/mod.ts";
import type { Signals, StopSignal } from "./signals.ts";

/** What it listens to. */
export interface WorkerSignalParts {
  readonly member: Pick<Member, "onOrder" | "over">;
  /** The process's own. */
  readonly own: Signals;
  readonly log: Pick<Logger, "warning">;
  readonly reload: () => void;
}

/**
 * A terminal and a service manager signal the supervisor and its workers at the same time: a worker
 * that drains for either ends at once by the order of its supervisor alone, as long as there is one. One
 * that is told to end itself drains, and another takes its place.
 */
export function workerSignals({ member, own, log, reload }: WorkerSignalParts): Signals {
  const first = Promise.withResolvers<StopSignal>();
  const second = Promise.withResolvers<StopSignal>();
  let isOrphan = false;
  let asked = 0;
  member.onOrder((order) => {
    switch (order.kind) {
      case "stop":
        return first.resolve(stopSignal(order.signal));
      case "end":
        first.resolve("SIGTERM");
        return second.resolve("SIGTERM");
      case "reload":
        return reload();
      default:
        return order satisfies never;
    }
  });
  member.over.then(() => {
    isOrphan = true;
    log.warning("The supervisor has gone: this worker ends");
    first.resolve("SIGTERM");
  });
  const listen = async (): Promise<void> => {
    for (let before = 0;; before++) {
      const signal = await own.next();
      // A key press is the supervisor's to pass on.
      if (signal !== "SIGINT" || isOrphan) first.resolve(signal);
      if (before > 0 && isOrphan) second.resolve(signal);
    }
  };
  void listen();
  return {
    next: () => asked++ === 0 ? first.promise : second.promise,
    [Symbol.dispose]: () => own[Symbol.dispose](),
  };
}

const STOP_SIGNALS: readonly StopSignal[] = ["SIGINT", "SIGTERM", "SIGQUIT"];

function stopSignal(name: string): StopSignal {
  return STOP_SIGNALS.find((known) => known === name) ?? "SIGTERM";
}
