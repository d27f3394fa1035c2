/** A router of several processes, as its command line starts it, between engines of the test's own. @module */
import { decodeUtf8 } from "../../lib/base/mod.ts";
import { eventually } from "./eventually.ts";

const ROOT = new URL("../../", import.meta.url);

/** Far above what a start takes on a busy machine; a hang must not last for ever. */
const DEADLINE_MS = 120_000;

/** One worker, as the log has told of it last. */
export interface SeenWorker {
  readonly number: number;
  readonly pid: number;
}

/** A supervisor that was started, and what it has said. */
export interface RouterProcesses extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Lines of standard output, and of standard error. */
  text(): string;
  /** Workers that serve, by number: of each number the last. */
  workers(): readonly SeenWorker[];
  /** The worker that has answered the request of this id, by its log line; undefined for none. */
  workerOf(requestId: string): number | undefined;
  send(signal: Deno.Signal, pid?: number): void;
  readonly ended: Promise<Deno.CommandStatus>;
}

/** How it is started. */
export interface ProcessOptions {
  readonly args: readonly string[];
  readonly workers?: number;
  /** Do not wait until it serves. */
  readonly unserved?: boolean;
  /** By the script of the tasks, with the permissions that it gives, and not with all. */
  readonly launched?: boolean;
}

/** Start one on loopback. */
export async function startProcesses(options: ProcessOptions): Promise<RouterProcesses> {
  const { args, workers = 2, unserved = false, launched = false } = options;
  const own = ["--host=127.0.0.1", `--workers=${workers}`, ...args];
  const deno = Deno.execPath();
  const program = launched ? "/bin/sh" : deno;
  const child = new Deno.Command(program, {
    args: launched
      ? ["scripts/start.sh", ...own]
      : ["run", "--no-check", "--quiet", "--allow-all", "main.ts", ...own],
    cwd: ROOT,
    env: { NO_COLOR: "1", PATH: `${deno.slice(0, deno.lastIndexOf("/"))}:/usr/bin:/bin` },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  const read = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    for await (const bytes of stream) text += decodeUtf8(bytes);
  };
  let over = false;
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  const ended = child.status.finally(() => over = true);
  const url = (): string => /Serving on (https?:\S+)/.exec(text)?.[1] ?? "";
  const seen = (): readonly SeenWorker[] => {
    const found = [...text.matchAll(/A worker serves worker=(\d+) pid=(\d+)/g)];
    const all = found.map(([, number, pid]) => [Number(number), Number(pid)] as const);
    return [...new Map(all)].map(([number, pid]) => ({ number, pid }));
  };
  const send = (signal: Deno.Signal, pid = child.pid): void => {
    try {
      Deno.kill(pid, signal);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  };
  if (!unserved) {
    const explain = (): string => `no start: ${text}`;
    await eventually(() => url() !== "" || over, explain, DEADLINE_MS);
    if (url() === "") throw new Error(explain());
  }
  return {
    get url() {
      return url();
    },
    pid: child.pid,
    text: () => text,
    workers: seen,
    workerOf(id) {
      const line = text.split("\n").find((each) => each.includes(`Routing request ${id} `));
      const [, number] = / worker=(\d+)/.exec(line ?? "") ?? [];
      return number === undefined ? undefined : Number(number);
    },
    send,
    ended,
    async [Symbol.asyncDispose]() {
      // Stopped processes do not end by themselves, and those of a supervisor that was killed are nobody's.
      if (!over) send("SIGKILL");
      for (const { pid } of seen()) send("SIGKILL", pid);
      await ended;
      await reading;
    },
  };
}
