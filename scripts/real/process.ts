/** Processes of a run: started in groups of their own, watched, and stopped with all they started. @module */

/** How long a process group has to end after SIGTERM. */
const STOP_MS = 8_000;
const POLL_MS = 50;

/** What to run. */
export interface Program {
  /** What messages call it. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Folder it runs in. */
  readonly cwd?: string;
  /** File that gets both its outputs. */
  readonly log: string;
}

/** The processes of one run. Disposing them, any number of times, stops all. */
export class Processes implements AsyncDisposable {
  readonly #running = new Set<Running>();
  #ended = false;

  /** Start one; throws once the run was ended. */
  start(program: Program): Running {
    if (this.#ended) throw new Error(`Cannot start ${program.name}: the run was ended`);
    const running = new Running(program);
    this.#running.add(running);
    return running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await Promise.all([...this.#running].map((running) => running.stop()));
  }
}

/** One started process, and the group of those it starts in turn. */
export class Running {
  readonly name: string;
  readonly log: string;
  readonly pid: number;
  readonly #process: Deno.ChildProcess;
  #ended = false;

  constructor({ name, command, args, env = {}, cwd, log }: Program) {
    this.name = name;
    this.log = log;
    Deno.writeTextFileSync(log, "");
    // The shell hands both outputs to the file, so that nothing is lost when this process ends.
    this.#process = new Deno.Command("/bin/sh", {
      args: ["-c", 'exec "$@" >"$0" 2>&1', log, command, ...args],
      env: { ...env },
      ...(cwd === undefined ? {} : { cwd }),
      stdin: "null",
      stdout: "null",
      stderr: "null",
      detached: true,
    }).spawn();
    this.pid = this.#process.pid;
    this.#process.status.then(() => this.#ended = true);
  }

  /** Whether it has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Everything it has printed so far. */
  async output(): Promise<string> {
    return await Deno.readTextFile(this.log);
  }

  /** Resolves when `GET url` answers 200; rejects when the process ends, or `timeoutMs` is over. */
  async serving(url: string, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (performance.now() < deadline) {
      if (this.#ended) throw new Error(`Cannot start ${this.name}: ${await this.#lastLines()}`);
      if (await answers(url)) return;
      await pause(POLL_MS);
    }
    throw new Error(
      `Cannot reach ${this.name} within ${timeoutMs / 1000} s: ${await this.#lastLines()}`,
    );
  }

  /** End it and all it has started, at once. */
  async kill(): Promise<void> {
    signalGroup(this.pid, "SIGKILL");
    await this.#process.status;
  }

  /** End it and all it has started, gently first. Any number of times. */
  async stop(): Promise<void> {
    if (!this.#ended) {
      // The process itself first: engines stop their workers in order.
      Deno.kill(this.pid, "SIGTERM");
      const timer = setTimeout(() => signalGroup(this.pid, "SIGKILL"), STOP_MS);
      await this.#process.status;
      clearTimeout(timer);
    }
    signalGroup(this.pid, "SIGKILL");
  }

  async #lastLines(): Promise<string> {
    const lines = (await this.output()).trimEnd().split("\n");
    return `see ${this.log}\n${lines.slice(-15).join("\n")}`;
  }
}

/** A pause of `ms` milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves when `check` says yes; false when it has not within `timeoutMs`. */
export async function until(
  check: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  do {
    if (await check()) return true;
    await pause(POLL_MS);
  } while (performance.now() < deadline);
  return false;
}

/** Run a program to its end; rejects with its last lines when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    env: { ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (code === 0) return text;
  const all = (text + new TextDecoder().decode(stderr)).trimEnd().split("\n");
  throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${all.slice(-20).join("\n")}`);
}

function signalGroup(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(-pid, signal);
  } catch (error) {
    // Nobody of the group is left.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.status === 200;
  } catch (error) {
    if (error instanceof TypeError) return false; // Nobody listens yet.
    throw error;
  }
}
