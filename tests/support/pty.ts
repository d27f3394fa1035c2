/** A program in a terminal of its own, and what that shows. @module */
import { decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";

const PYTHON = "/usr/bin/python3";
const DRIVER = new URL("./pty_driver.py", import.meta.url).pathname;

/** Far above what anything takes; a hang must not last for ever. */
const DEADLINE_MS = 60_000;

/** How a program ended. */
export interface PtyEnd {
  readonly code: number;
  /** Whether the terminal shows what is typed again, and gives whole lines. */
  readonly terminal: { readonly echo: boolean; readonly lines: boolean };
}

/** A running program. */
export class Pty implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #read: Promise<void>;
  /** Everything that the program has written. */
  output = "";
  /** What the terminal shows; columns behind the last are not kept. */
  readonly screen: PtyScreen;

  constructor(
    command: readonly string[],
    { rows, columns, env }: {
      readonly rows: number;
      readonly columns: number;
      readonly env: Readonly<Record<string, string>>;
    },
  ) {
    this.screen = new PtyScreen();
    this.#child = new Deno.Command(PYTHON, {
      args: [DRIVER, String(rows), String(columns), ...command],
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(DEADLINE_MS),
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#read = this.#follow();
  }

  /** Type `text`. */
  async send(text: string): Promise<void> {
    await this.#writer.write(encodeUtf8(`${JSON.stringify({ send: text })}\n`));
  }

  async resize(rows: number, columns: number): Promise<void> {
    await this.#writer.write(encodeUtf8(`${JSON.stringify({ size: [rows, columns] })}\n`));
  }

  /** Resolves when the program has ended. */
  async ended(): Promise<PtyEnd> {
    const told = await new Response(this.#child.stderr).text();
    const { code } = await this.#child.status;
    await this.#read;
    return { code, terminal: JSON.parse(told.trim().split("\n").at(-1) ?? "{}") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#read;
    await this.#child.status;
    if (!this.#child.stderr.locked) await this.#child.stderr.cancel();
    await this.#writer.close().catch(() => {});
  }

  async #follow(): Promise<void> {
    for await (const bytes of this.#child.stdout) {
      const text = decodeUtf8(bytes);
      this.output += text;
      this.screen.take(text);
    }
  }
}

/** As much of a terminal as a program uses that draws from the top left corner, line by line. */
export class PtyScreen {
  #lines: string[] = [""];
  #row = 0;
  #rest = "";

  /** Lines without what follows the last one that is not blank. */
  get lines(): readonly string[] {
    const last = this.#lines.findLastIndex((line) => line.trim() !== "");
    return this.#lines.slice(0, last + 1);
  }

  /** The program has written `text`; a sequence that is cut is kept for the next. */
  take(text: string): void {
    const all = this.#rest + text;
    // deno-lint-ignore no-control-regex
    const parts = all.matchAll(/\x1b\[([?\d;]*)([A-Za-z])|\r|\n|[^\x1b\r\n]+|\x1b[^[]/g);
    let end = 0;
    let column = this.#lines[this.#row]?.length ?? 0;
    for (const part of parts) {
      end = part.index + part[0].length;
      const [whole, , letter] = part;
      if (letter === "H") [this.#row, column] = [0, 0];
      else if (letter === "K") this.#set((line) => line.slice(0, column));
      else if (letter === "J") {
        this.#set((line) => line.slice(0, column));
        this.#lines.length = this.#row + 1;
      } else if (whole === "\r") column = 0;
      else if (whole === "\n") {
        this.#row++;
        this.#lines[this.#row] ??= "";
      } else if (letter === undefined) {
        const at = column;
        this.#set((line) => line.slice(0, at).padEnd(at) + whole + line.slice(at + whole.length));
        column += whole.length;
      }
    }
    this.#rest = all.slice(end);
  }

  #set(change: (line: string) => string): void {
    this.#lines[this.#row] = change(this.#lines[this.#row] ?? "");
  }
}
