/** Signals of the process as a sequence of waits. @module */
import type { Clock } from "../base/mod.ts";

/** Signals that ask the process to end. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGQUIT";

/** Signals that would end the process if nobody listened, and shall not. */
export type NotedSignal = "SIGHUP" | "SIGUSR1" | "SIGUSR2";

/** Signals since it was opened, each handed out once; disposing it restores the default action. */
export interface Signals extends Disposable {
  next(): Promise<StopSignal>;
}

/** What registers listeners: `Deno`. */
export interface SignalPort {
  addSignalListener(signal: StopSignal | NotedSignal, listener: () => void): void;
  removeSignalListener(signal: StopSignal | NotedSignal, listener: () => void): void;
}

/** A key press comes twice within so long, in milliseconds, where it does. */
export const DOUBLED_MS = 500;

/**
 * Listen for `signals`. With a clock, a key press counts once: `deno task` sends what it is sent on to
 * the program that it runs, whose terminal has sent it already.
 */
export function openSignals(
  port: SignalPort,
  signals: readonly StopSignal[] = ["SIGINT", "SIGTERM"],
  clock?: Pick<Clock, "now">,
): Signals {
  const arrived: StopSignal[] = [];
  const waiting: ((signal: StopSignal) => void)[] = [];
  let pressedAt = -Infinity;
  const isDoubled = (signal: StopSignal): boolean => {
    if (clock === undefined || signal !== "SIGINT") return false;
    const now = clock.now();
    if (now - pressedAt < DOUBLED_MS) return true;
    pressedAt = now;
    return false;
  };
  const listening = listen(port, signals, (signal) => {
    if (isDoubled(signal)) return;
    const waiter = waiting.shift();
    if (waiter === undefined) arrived.push(signal);
    else waiter(signal);
  });
  return {
    next(): Promise<StopSignal> {
      const signal = arrived.shift();
      if (signal !== undefined) return Promise.resolve(signal);
      return new Promise((resolve) => waiting.push(resolve));
    },
    [Symbol.dispose]: () => listening[Symbol.dispose](),
  };
}

/** Have `signals` do nothing but be told to `onSignal`, until it is disposed. */
export function noteSignals(
  port: SignalPort,
  signals: readonly NotedSignal[],
  onSignal: (signal: NotedSignal) => void,
): Disposable {
  return listen(port, signals, onSignal);
}

function listen<T extends StopSignal | NotedSignal>(
  port: SignalPort,
  signals: readonly T[],
  onSignal: (signal: T) => void,
): Disposable {
  const listeners = signals.map((signal) => {
    const listener = (): void => onSignal(signal);
    port.addSignalListener(signal, listener);
    return { signal, listener };
  });
  return {
    [Symbol.dispose](): void {
      for (const { signal, listener } of listeners) port.removeSignalListener(signal, listener);
    },
  };
}
