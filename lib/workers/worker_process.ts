/** A worker's process, as its supervisor sees it. @module */
import type { ByteStream } from "./link.ts";

/** How a process has ended. */
export interface ProcessEnd {
  /** 128 and its number where a signal has ended it. */
  readonly code: number;
  readonly signal: string | undefined;
}

/** A process that was started. */
export interface WorkerProcess {
  readonly pid: number;
  readonly stream: ByteStream;
  /** End it without a word; one that has ended stays as it is. */
  kill(): void;
  readonly ended: Promise<ProcessEnd>;
}

/** Starts a process with these variables besides its own; throws where it cannot. */
export type StartProcess = (env: Readonly<Record<string, string>>) => WorkerProcess;

/** What a process is started by: a program, and its arguments. */
export interface OwnCommand {
  readonly program: string;
  readonly args: readonly string[];
}

/**
 * Starts `command` by the platform. Its standard input and output are the link, as pipes need neither a
 * path nor a permission and end with the process; what it writes to standard error goes where this
 * process's own does.
 */
export function processStarter({ program, args }: OwnCommand): StartProcess {
  return (env) => {
    const child = new Deno.Command(program, {
      args: [...args],
      env: { ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    return {
      pid: child.pid,
      stream: pipesOf(child),
      kill() {
        try {
          child.kill("SIGKILL");
        } catch (error) {
          // It has ended, and has not been waited for yet.
          if (!(error instanceof TypeError)) throw error;
        }
      },
      ended: child.status.then(({ code, signal }) => ({ code, signal: signal ?? undefined })),
    };
  };
}

function pipesOf({ stdin, stdout }: Deno.ChildProcess): ByteStream {
  const writer = stdin.getWriter();
  const reader = stdout.getReader();
  // Whoever writes is told; nobody else has to be.
  writer.closed.catch(() => {});
  const ignore = (): void => {};
  return {
    read: async () => (await reader.read()).value,
    write: (bytes) => writer.write(bytes),
    close() {
      writer.close().catch(ignore);
      reader.cancel().catch(ignore);
    },
  };
}
