/** Links without processes, and processes that are none. @module */
import { encodeUtf8, type LogFields, type Logger } from "../../lib/base/mod.ts";
import type { Hello } from "../../lib/workers/records.ts";
import type { ByteStream } from "../../lib/workers/link.ts";
import type { ProcessEnd, StartProcess } from "../../lib/workers/worker_process.ts";

/** One direction: bytes that were written and not read. */
class Pipe {
  readonly #chunks: Uint8Array[] = [];
  #wake = Promise.withResolvers<void>();
  #closed = false;
  /** Whether whoever writes is kept waiting. */
  stalled: PromiseWithResolvers<void> | undefined;

  async write(bytes: Uint8Array): Promise<void> {
    await this.stalled?.promise;
    if (this.#closed) throw new Error("broken pipe");
    this.#chunks.push(bytes.slice());
    this.#wake.resolve();
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) return chunk;
      if (this.#closed) return undefined;
      this.#wake = Promise.withResolvers();
      await this.#wake.promise;
    }
  }

  close(): void {
    this.#closed = true;
    this.#wake.resolve();
    this.stalled?.resolve();
  }
}

/** Both ends of a link, and how to have the first end's writes wait. */
export interface StreamPair {
  readonly near: ByteStream;
  readonly far: ByteStream;
  /** Until it is called again, what the near end writes is not taken. */
  stall(): () => void;
}

/** Two streams, each of which reads what the other writes. */
export function streamPair(): StreamPair {
  const [there, back] = [new Pipe(), new Pipe()];
  const close = (): void => {
    there.close();
    back.close();
  };
  return {
    near: { read: () => back.read(), write: (bytes) => there.write(bytes), close },
    far: { read: () => there.read(), write: (bytes) => back.write(bytes), close },
    stall() {
      const stalled = there.stalled = Promise.withResolvers<void>();
      return () => {
        there.stalled = undefined;
        stalled.resolve();
      };
    },
  };
}

/** A process that is none: the test is its other end. */
export interface FakeProcess {
  readonly env: Readonly<Record<string, string>>;
  /** The worker's end of its link. */
  readonly stream: ByteStream;
  /** It ends. */
  end(code: number, signal?: string): void;
  readonly killed: () => boolean;
}

/** Starts such processes; `started` are those that were. */
export function fakeStarter(): { readonly start: StartProcess; readonly started: FakeProcess[] } {
  const started: FakeProcess[] = [];
  return {
    started,
    start(env) {
      const { near, far } = streamPair();
      const ended = Promise.withResolvers<ProcessEnd>();
      let killed = false;
      const end = (code: number, signal?: string): void => {
        near.close();
        ended.resolve({ code, signal });
      };
      started.push({ env, stream: far, end, killed: () => killed });
      return {
        pid: 1000 + started.length,
        stream: near,
        kill() {
          killed = true;
          end(137, "SIGKILL");
        },
        ended: ended.promise,
      };
    },
  };
}

/** A worker that is told so. */
export function helloFor(changes: Partial<Hello> = {}): Hello {
  return {
    number: 1,
    life: 1,
    count: 2,
    port: 80,
    begunMs: 0,
    secret: "s",
    files: [],
    peers: [],
    ...changes,
  };
}

/** A line that was logged. */
export interface LoggedLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps its lines. */
export function keepingLog(): { readonly log: Logger; readonly lines: LoggedLine[] } {
  const lines: LoggedLine[] = [];
  const at = (level: string): Logger["info"] => (message, fields) =>
    void lines.push({
      level,
      message,
      fields: typeof fields === "function" ? fields() : fields ?? {},
    });
  const log: Logger = {
    enabled: () => true,
    error: at("error"),
    warning: at("warning"),
    info: at("info"),
    debug: at("debug"),
  };
  return { log, lines };
}

/** Bytes of a text. */
export const bytes = encodeUtf8;
