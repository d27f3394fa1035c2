/** Run a program to its end, in bounded time. @module */
import { decodeUtf8 } from "../../lib/base/mod.ts";

/** How a program ended. */
export interface Outcome {
  /** Exit status; 128 + the signal's number when one ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** It was killed because its time was up. */
  readonly timedOut: boolean;
}

/** How to run it. */
export interface CommandOptions {
  readonly args: readonly string[];
  readonly timeoutMs: number;
  readonly cwd?: string;
  /** The whole environment when `clearEnv` is set, else additions to this process's. */
  readonly env?: Readonly<Record<string, string>>;
  readonly clearEnv?: boolean;
}

/** Run `program`; never rejects for what the program does, only when it cannot be started. */
export async function run(program: string, options: CommandOptions): Promise<Outcome> {
  const child = new Deno.Command(program, {
    args: [...options.args],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...options.env },
    clearEnv: options.clearEnv ?? false,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, options.timeoutMs);
  try {
    const { code, stdout, stderr } = await child.output();
    return { code, stdout: decodeUtf8(stdout), stderr: decodeUtf8(stderr), timedOut };
  } finally {
    clearTimeout(timer);
  }
}

/** The last line of `text` that says something, for a message of one line. */
export function lastLine(text: string): string {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return lines.at(-1) ?? "";
}
