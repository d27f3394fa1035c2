/**
 * Lines to standard output and standard error that never make the caller wait.
 *
 * Knows nothing of what the lines say.
 * @module
 */
import { type Clock, encodeUtf8, type LineSink, type LogLevel, RouterError } from "../base/mod.ts";

/** The one method needed of `Deno.stdout` and `Deno.stderr`. */
export interface ByteSink {
  /** Write some of `bytes`, at least one; resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** A file that is written to behind what is in it. */
export interface AppendFile extends ByteSink {
  close(): void;
}

/** How much may wait for a slow reader before lines are dropped, in UTF-16 code units. */
const DEFAULT_LIMIT = 1024 * 1024;

/** What a writer takes its time for. */
export interface LineWaits {
  /**
   * Before each write: lines that come meanwhile go out with it. Ends early when `hurry` aborts.
   * @default no time
   */
  readonly gather: (hurry: AbortSignal) => Promise<unknown>;
  /**
   * How long a write may take until its reader counts as one that has stalled. Ends when `over` aborts.
   * @default for ever
   */
  readonly patience: (over: AbortSignal) => Promise<"elapsed" | "aborted">;
}

const NO_WAITS: LineWaits = {
  gather: () => Promise.resolve(),
  patience: () => Promise.withResolvers<never>().promise,
};

/**
 * Writes lines in the order given, as many as have gathered with each write.
 *
 * Each write is another thread's, so that a reader that stalls keeps nothing else from going on. It
 * costs lines, never memory: above the limit they are dropped, and counted in a line of its own when
 * the reader goes on. A reader that has gone away costs all further lines.
 */
export class LineWriter {
  readonly #sink: ByteSink;
  readonly #limit: number;
  readonly #waits: LineWaits;
  #waiting: string[] = [];
  #waitingLength = 0;
  #dropped = 0;
  #broken = false;
  #pump: Promise<void> | undefined;
  /** Resolves when the lines that wait are out. */
  #next = Promise.withResolvers<void>();
  /** Resolves when the lines that are being written are out. */
  #writing: PromiseWithResolvers<void> | undefined;
  #hurry = new AbortController();
  #stalled = false;
  #notice = (dropped: number): string => `${dropped} lines dropped: the output was not read`;

  constructor(sink: ByteSink, limit = DEFAULT_LIMIT, waits: Partial<LineWaits> = {}) {
    this.#sink = sink;
    this.#limit = limit;
    this.#waits = { ...NO_WAITS, ...waits };
  }

  /** Let `notice` word the line that stands for dropped ones. */
  wordDrops(notice: (dropped: number) => string): void {
    this.#notice = notice;
  }

  /** Queue `line`, without its line feed; drops it when too much waits already. */
  write(line: string): void {
    if (this.#waitingLength + line.length > this.#limit) this.#dropped++;
    else this.#enqueue(line);
  }

  /** Write `text` and a line feed, however long; resolves when it is out or cannot be. */
  print(text: string): Promise<void> {
    this.#enqueue(text);
    return this.flushed();
  }

  /**
   * Set while lines are on their way, which hurry then; resolves when those that there are have been
   * written, or the reader has stalled. Nobody waits for one that has, until it reads on as it should.
   */
  written(): Promise<void> | undefined {
    if (this.#stalled || this.#broken) return undefined;
    if (this.#waiting.length === 0) return this.#writing?.promise;
    this.#hurry.abort();
    return this.#next.promise;
  }

  /** Resolves when nothing waits: never, if the reader has stalled for good. */
  async flushed(): Promise<void> {
    while (this.#pump !== undefined) await this.#pump;
  }

  #enqueue(line: string): void {
    if (this.#broken) return;
    this.#waiting.push(line);
    this.#waitingLength += line.length + 1;
    this.#pump ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      if (!this.#hurry.signal.aborted) await this.#waits.gather(this.#hurry.signal);
      const text = `${this.#waiting.join("\n")}\n`;
      this.#waiting = [];
      this.#hurry = new AbortController();
      const batch = this.#next;
      this.#next = Promise.withResolvers();
      this.#writing = batch;
      try {
        await this.#patiently(writeFully(this.#sink, encodeUtf8(text)));
      } catch {
        // EPIPE or a closed descriptor: nobody reads, and there is nobody to tell.
        this.#broken = true;
        this.#waiting = [];
        this.#next.resolve();
      }
      this.#writing = undefined;
      batch.resolve();
      // What is being written counts until it is out, so that both together keep the limit.
      this.#waitingLength = this.#waiting.reduce((sum, line) => sum + line.length + 1, 0);
      if (this.#dropped > 0 && !this.#broken) {
        const notice = this.#notice(this.#dropped);
        this.#dropped = 0;
        this.#waiting.push(notice);
        this.#waitingLength += notice.length + 1;
      }
    }
    this.#pump = undefined;
  }

  /** Resolves as `write`; whoever waits for what is written is let go when that takes too long. */
  async #patiently(write: Promise<void>): Promise<void> {
    const over = new AbortController();
    let late = false;
    this.#waits.patience(over.signal).then((end) => {
      if (end === "aborted" || over.signal.aborted) return;
      late = true;
      this.#stalled = true;
      this.#writing?.resolve();
      this.#next.resolve();
    });
    try {
      await write;
    } finally {
      over.abort();
      this.#stalled = late;
    }
  }
}

/** Standard output and standard error. */
export interface Stdio {
  readonly out: LineWriter;
  readonly err: LineWriter;
}

/** A sink for log lines: warnings and worse to standard error, the others to standard output. */
export function logSink(stdio: Stdio): LineSink {
  return (line: string, level: LogLevel): void => {
    const worse = level === "critical" || level === "error" || level === "warning";
    (worse ? stdio.err : stdio.out).write(line);
  };
}

/** As `LineWriter.written()`, of both. */
export function written({ out, err }: Stdio): Promise<void> | undefined {
  const [some, others] = [out.written(), err.written()];
  if (some === undefined || others === undefined) return some ?? others;
  return Promise.all([some, others]).then(() => {});
}

/** Wait until both are written, at most `deadlineMs`. */
export function flushStdio(
  stdio: Stdio,
  clock: Clock,
  deadlineMs: number,
): Promise<"ready" | "timed-out"> {
  return new Promise((resolve) => {
    const timer = clock.after(deadlineMs, () => resolve("timed-out"));
    Promise.all([stdio.out.flushed(), stdio.err.flushed()]).then(() => {
      timer.cancel();
      resolve("ready");
    });
  });
}

async function writeFully(sink: ByteSink, bytes: Uint8Array): Promise<void> {
  let offset = 0;
  while (offset < bytes.length) {
    const written = await sink.write(bytes.subarray(offset));
    if (written === 0) throw new RouterError("internal", "Cannot write: the output takes nothing");
    offset += written;
  }
}
