/** A process that is none: streams, environment, files and signals in memory. @module */
import { decodeUtf8, seededRandom } from "../../lib/base/mod.ts";
import type { CliPorts } from "../../lib/cli/ports.ts";
import type { Signals, StopSignal } from "../../lib/cli/signals.ts";
import { type ByteSink, LineWriter } from "../../lib/cli/stdio.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A sink that keeps what it is given; writes wait while it is blocked. */
export class FakeSink implements ByteSink {
  #text = "";
  #gate: PromiseWithResolvers<void> | undefined;
  #failure: Error | undefined;
  readonly #first = Promise.withResolvers<void>();
  /** Bytes taken with one write at most. */
  atMost = Infinity;
  writes = 0;

  get text(): string {
    return this.#text;
  }

  get lines(): readonly string[] {
    return this.#text.split("\n").slice(0, -1);
  }

  /** Resolves when something has been written. */
  get written(): Promise<void> {
    return this.#first.promise;
  }

  block(): void {
    this.#gate = Promise.withResolvers();
  }

  unblock(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  fail(error: Error): void {
    this.#failure = error;
    this.unblock();
  }

  async write(bytes: Uint8Array): Promise<number> {
    this.writes++;
    const later = this.#gate?.promise;
    if (later !== undefined) await later;
    if (this.#failure !== undefined) throw this.#failure;
    const taken = bytes.subarray(0, this.atMost);
    this.#text += decodeUtf8(taken);
    this.#first.resolve();
    return taken.length;
  }
}

/** Signals that a test sends. */
export class FakeSignals implements Signals {
  #arrived: StopSignal[] = [];
  #waiting: ((signal: StopSignal) => void)[] = [];
  disposed = false;

  send(signal: StopSignal): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#arrived.push(signal);
    else waiter(signal);
  }

  next(): Promise<StopSignal> {
    const signal = this.#arrived.shift();
    if (signal !== undefined) return Promise.resolve(signal);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  [Symbol.dispose](): void {
    this.disposed = true;
  }
}

/** Ports of a process in memory, and what came out of it. */
export interface FakeProcess {
  readonly ports: CliPorts;
  readonly out: FakeSink;
  readonly err: FakeSink;
  readonly signals: FakeSignals;
  readonly clock: FakeClock;
  /** What was appended to files, by their paths. */
  readonly appended: ReadonlyMap<string, FakeSink>;
}

/** A process with these environment variables and files. */
export function fakeProcess(
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): FakeProcess {
  const out = new FakeSink();
  const err = new FakeSink();
  const signals = new FakeSignals();
  const clock = new FakeClock();
  const appended = new Map<string, FakeSink>();
  const ports: CliPorts = {
    stdio: { out: new LineWriter(out), err: new LineWriter(err) },
    clock,
    random: seededRandom(1),
    env: (name) => env[name],
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw new Deno.errors.NotFound(`readfile '${path}'`);
      return text;
    },
    files: {
      stat: (path) => {
        const text = files[path];
        if (text === undefined) return Promise.reject(new Deno.errors.NotFound(`stat '${path}'`));
        return Promise.resolve({ isFile: true, size: text.length });
      },
      read: (path) => {
        const text = files[path];
        if (text === undefined) return Promise.reject(new Deno.errors.NotFound(`read '${path}'`));
        return Promise.resolve(text);
      },
    },
    importModule: (file) => Promise.reject(new TypeError(`Module not found "${file}"`)),
    readStdin: () => Promise.resolve(files["-"] ?? ""),
    terminal: {
      interactive: false,
      colors: false,
      size: () => ({ columns: 80, rows: 24 }),
      listen: () => ({ [Symbol.dispose]: () => {} }),
    },
    openAppend: (path) => {
      const sink = appended.get(path) ?? new FakeSink();
      appended.set(path, sink);
      return { write: (bytes) => sink.write(bytes), close: () => {} };
    },
    forgoWriting: () => {},
    signals: () => signals,
  };
  return { ports, out, err, signals, clock, appended };
}
