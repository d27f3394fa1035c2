/** Where the lines of the access log go: standard output, or a file that is opened again when it is told to. @module */
import { describeError, type Logger, RouterError } from "../base/mod.ts";
import type { ObserveOptions } from "../config/mod.ts";
import type { CliPorts } from "./ports.ts";
import { type AppendFile, type ByteSink, LineWriter } from "./stdio.ts";

/** Takes lines until it is disposed. */
export interface AccessLines extends AsyncDisposable {
  /** A finished line, without its line feed. Does not wait. */
  write(line: string): void;
  /** Open the file by its name again: the one that was open has got another. */
  reopen(): void;
}

/** Longest wait for the last lines, in milliseconds. */
const FLUSH_MS = 1_000;

/** Take lines as `options` say. Throws `RouterError` where the file cannot be opened. */
export function openAccessLines(
  { accessFile }: Pick<ObserveOptions, "accessFile">,
  { stdio, openAppend, clock }: Pick<CliPorts, "stdio" | "openAppend" | "clock">,
  log: Pick<Logger, "error" | "warning">,
): AccessLines {
  if (accessFile === undefined) {
    const nothing = (): void => {};
    return {
      write: (line) => stdio.out.write(line),
      reopen: nothing,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const file = new ReopenedFile(accessFile, openAppend, log);
  const writer = new LineWriter(file);
  return {
    write: (line) => writer.write(line),
    reopen: () => file.reopen(),
    async [Symbol.asyncDispose]() {
      using _late = clock.after(FLUSH_MS, () => file.giveUp());
      await Promise.race([writer.flushed(), file.givenUp]);
      file.close();
    },
  };
}

/** Writes to whatever file is open. What cannot be written is lost, and the log says so once. */
class ReopenedFile implements ByteSink {
  readonly #path: string;
  readonly #open: CliPorts["openAppend"];
  readonly #log: Pick<Logger, "error" | "warning">;
  readonly #giveUp = Promise.withResolvers<void>();
  #file: AppendFile;
  #renew = false;
  #failing = false;

  constructor(path: string, open: CliPorts["openAppend"], log: Pick<Logger, "error" | "warning">) {
    this.#path = path;
    this.#open = open;
    this.#log = log;
    try {
      this.#file = open(path);
    } catch (cause) {
      const why = describeError(cause);
      throw new RouterError("internal", `Cannot write --access-log-file ${path}: ${why}`);
    }
  }

  get givenUp(): Promise<void> {
    return this.#giveUp.promise;
  }

  giveUp(): void {
    this.#giveUp.resolve();
  }

  reopen(): void {
    this.#renew = true;
  }

  /** Whole lines: between them, the file may be another. */
  async write(bytes: Uint8Array): Promise<number> {
    if (this.#renew) this.#reopen();
    try {
      for (let at = 0; at < bytes.length;) {
        const written = await this.#file.write(bytes.subarray(at));
        if (written === 0) throw new RouterError("internal", "It takes nothing");
        at += written;
      }
      if (this.#failing) this.#log.warning("The access log is written again", { file: this.#path });
      this.#failing = false;
    } catch (error) {
      this.#complain("Lines of the access log are lost", error);
    }
    return bytes.length;
  }

  close(): void {
    this.#file.close();
  }

  #reopen(): void {
    this.#renew = false;
    try {
      const next = this.#open(this.#path);
      this.#file.close();
      this.#file = next;
    } catch (error) {
      this.#complain("The access log cannot be opened again", error);
    }
  }

  #complain(what: string, error: unknown): void {
    if (!this.#failing) this.#log.error(what, { file: this.#path, error: describeError(error) });
    this.#failing = true;
  }
}
