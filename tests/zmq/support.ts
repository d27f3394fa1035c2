/** What the tests of `lib/zmq` share. @module */
import { encode } from "@msgpack/msgpack";
import { createLogger, type Logger, type LogLevel } from "../../lib/base/mod.ts";
import type { FakeClock } from "../support/fake_clock.ts";

/** Bytes written as hexadecimal pairs; anything else between them is ignored. */
export function hex(text: string): Uint8Array {
  const pairs = text.match(/[0-9a-f]{2}/gi) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}

/** The frame a prefill rank sends when a request's KV has landed. */
export function proxyNotif(reqId: unknown, type = "ProxyNotif"): Uint8Array {
  return encode({ type, req_id: reqId });
}

/** A logger that keeps its lines, each as `LEVEL message key=value ...`. */
export function keepingLogger(clock: FakeClock, level: LogLevel = "debug"): {
  log: Logger;
  lines: string[];
} {
  const lines: string[] = [];
  const log = createLogger(clock, (line) => lines.push(line.slice(line.indexOf(" ") + 1)), {
    level,
    format: "text",
  });
  return { log, lines };
}

/** Resolves with `promise`, or rejects after `limitMs` of real time: a test never hangs. */
export async function within<T>(promise: Promise<T>, what: string, limitMs = 30_000): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => timeout.reject(new Error(`Nothing within ${limitMs} ms: ${what}`)),
    limitMs,
  );
  try {
    return await Promise.race([promise, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The first `count` items of `source`. */
export async function take<T>(source: AsyncIterable<T>, count: number): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) {
    items.push(item);
    if (items.length === count) break;
  }
  return items;
}

/** Keeps what happens, and lets a test wait for it. */
export class Happenings<T> {
  readonly all: T[] = [];
  #waiting: (() => void)[] = [];

  readonly add = (item: T): void => {
    this.all.push(item);
    for (const wake of this.#waiting.splice(0)) wake();
  };

  /** Resolves when `count` items were added that fit; rejects after some seconds. */
  until(what: string, fits: (item: T) => boolean, count = 1): Promise<void> {
    const enough = async (): Promise<void> => {
      while (this.all.filter(fits).length < count) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    };
    return within(enough(), what);
  }
}
