/** The form made by `deno compile`. @module */
import { ADDON_NAME, PROGRAM_NAME } from "./archive.ts";
import { lastLine, type Outcome, run } from "./command.ts";

/** Where the file is to run. */
export const TARGET = "x86_64-unknown-linux-gnu";

/** The denort base is about 40 MB to download. */
const TIMEOUT_MS = 300_000;

/** Arguments of `deno compile` for the program and addon in the working folder. */
export function compileArgs(flags: readonly string[], output: string): readonly string[] {
  return [
    "compile",
    ...flags,
    // The addon's path is known only when the program runs: below the temporary folder of its host.
    "--allow-ffi",
    // So is the folder that files are kept in; without one the program gives it up.
    "--allow-write",
    // Its file would lie under a name that is known in a folder that all may write to.
    "--no-code-cache",
    // And its own path, by which it starts others like it for `--workers`.
    "--allow-run",
    `--target=${TARGET}`,
    `--include=${ADDON_NAME}`,
    `--output=${output}`,
    PROGRAM_NAME,
  ];
}

/**
 * Why `deno compile` made no file, on one line, or undefined when it made one.
 *
 * Its error is a chain of numbered causes after `Caused by:`, of which one often repeats the next.
 */
export function compileProblem(outcome: Outcome): string | undefined {
  if (outcome.timedOut) return `no end after ${TIMEOUT_MS / 1000} s`;
  if (outcome.code === 0) return undefined;
  const [message = ""] = outcome.stderr.split(/^Stack backtrace:/m);
  const causes: string[] = [];
  for (const [, text = ""] of message.matchAll(/^\s+\d+: (.+?)\.?$/gm)) {
    if (!causes.some((cause) => cause.includes(text))) causes.push(text);
  }
  return causes.join(": ") || lastLine(message) || `it ended with ${outcome.code}`;
}

/** Make `output` from the files in `folder`. Returns why it could not, or undefined. */
export async function compileNative(
  folder: string,
  flags: readonly string[],
  output: string,
): Promise<string | undefined> {
  return compileProblem(
    await run(Deno.execPath(), {
      args: compileArgs(flags, output),
      timeoutMs: TIMEOUT_MS,
      cwd: folder,
      env: { NO_COLOR: "1" },
    }),
  );
}
