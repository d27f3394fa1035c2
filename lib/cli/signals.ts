/** Signals of the process as a sequence of waits. @module */

/** Signals that ask the process to end. */
export type StopSignal = "SIGINT" | "SIGTERM";

/** Signals since it was opened, each handed out once; disposing it restores the default action. */
export interface Signals extends Disposable {
  next(): Promise<StopSignal>;
}

/** What registers listeners: `Deno`. */
export interface SignalPort {
  addSignalListener(signal: StopSignal, listener: () => void): void;
  removeSignalListener(signal: StopSignal, listener: () => void): void;
}

/** Listen for SIGINT and SIGTERM. */
export function openSignals(port: SignalPort): Signals {
  const arrived: StopSignal[] = [];
  const waiting: ((signal: StopSignal) => void)[] = [];
  const listeners = (["SIGINT", "SIGTERM"] as const).map((signal) => {
    const listener = (): void => {
      const waiter = waiting.shift();
      if (waiter === undefined) arrived.push(signal);
      else waiter(signal);
    };
    port.addSignalListener(signal, listener);
    return { signal, listener };
  });
  return {
    next(): Promise<StopSignal> {
      const signal = arrived.shift();
      if (signal !== undefined) return Promise.resolve(signal);
      return new Promise((resolve) => waiting.push(resolve));
    },
    [Symbol.dispose](): void {
      for (const { signal, listener } of listeners) port.removeSignalListener(signal, listener);
    },
  };
}
