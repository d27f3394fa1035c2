/** Processes of the benchmark: started, waited for, and stopped by their ids. @module */

/** How long a process may take until it serves, and until it has stopped. */
const START_MS = 120_000;
const STOP_MS = 2_000;
const POLL_MS = 20;

/** How much of a command line tells which one it is, in characters. */
const MAX_NAME = 200;

/** How much of its standard error is kept, in characters. */
const MAX_ERRORS = 2_000;

const STDERR = { shown: "inherit", dropped: "null", kept: "piped" } as const;

const JSON_TYPE = { "content-type": "application/json" };

/** What is run. */
export interface Program {
  readonly command: string;
  readonly args: readonly (string | number)[];
  readonly cwd?: string;
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Its standard error is shown, or thrown away, or kept for the message that says it cannot start.
   * @default {"shown"}
   */
  readonly errors?: "shown" | "dropped" | "kept";
}

/** How a process is asked whether it serves. */
export interface Asking {
  /**
   * Milliseconds between one time and the next.
   * @default {20}
   */
  readonly everyMs?: number;
  /** JSON that is posted; without one, it is a GET. */
  readonly body?: string;
}

/** The processes of one run. Disposing them, any number of times, stops all. */
export class Children implements AsyncDisposable {
  readonly #started: Child[] = [];
  #stopped = false;

  /** Run `script` with this Deno; throws once they have been stopped. */
  start(script: string, args: readonly (string | number)[]): Child {
    return this.spawn({
      command: Deno.execPath(),
      args: ["run", "--frozen", "--no-check", "--allow-all", script, ...args],
    });
  }

  /** Start any program; throws once they have been stopped, and where there is no such program. */
  spawn(program: Program): Child {
    if (this.#stopped) throw new Error("Cannot start a process: the run was ended");
    const child = new Child(program);
    this.#started.push(child);
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#started.map((child) => child.stop()));
  }
}

/** One process that serves HTTP on loopback. */
export class Child {
  readonly pid: number;
  readonly #name: string;
  readonly #process: Deno.ChildProcess;
  #ended = false;
  #errors = "";

  /** Its standard output is thrown away. */
  constructor({ command, args, cwd, env, errors = "shown" }: Program) {
    const words = args.map(String);
    this.#name = `${command} ${words.join(" ")}`.slice(0, MAX_NAME);
    this.#process = new Deno.Command(command, {
      args: words,
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
      stdin: "null",
      stdout: "null",
      stderr: STDERR[errors],
    }).spawn();
    if (errors === "kept") this.#keepErrors(this.#process.stderr);
    this.pid = this.#process.pid;
    this.#process.status.then(() => this.#ended = true);
  }

  /** Whether it has ended, by itself or stopped. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Resolves when `path` on `port` answers 200; rejects when the process ends, or in time.
   */
  async serving(
    port: number,
    path: string,
    { everyMs = POLL_MS, body }: Asking = {},
  ): Promise<void> {
    const deadline = performance.now() + START_MS;
    while (performance.now() < deadline) {
      if (this.#ended) throw new Error(`Cannot start: ${this.#name}\n${this.#errors}`.trim());
      if (await answers(`http://127.0.0.1:${port}${path}`, body)) return;
      await pause(everyMs);
    }
    throw new Error(`Cannot reach within ${START_MS / 1000} s: ${this.#name}`);
  }

  /** End it, at once if it must be; resolves when it has ended. Any number of times. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => {
      if (!this.#ended) this.#process.kill("SIGKILL");
    }, STOP_MS);
    await this.#process.status;
    clearTimeout(timer);
  }

  async #keepErrors(stderr: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stderr) {
      this.#errors = (this.#errors + decoder.decode(bytes, { stream: true })).slice(-MAX_ERRORS);
    }
  }
}

/** A pause of `ms` milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Where ports are looked for: below those that Linux gives to outgoing connections, of which a bench
 * has thousands.
 */
const FIRST_PORT = 12_000;
const LAST_PORT = 32_000;

/** The one that is looked at next; begun anywhere, as others may look too. */
let nextPort = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));

/**
 * `count` different ports of 127.0.0.1 that were free a moment ago; the same ones come again after
 * 20,000. Throws where there are not so many.
 */
export function freePorts(count: number): readonly number[] {
  const ports: number[] = [];
  for (let tried = FIRST_PORT; ports.length < count && tried <= LAST_PORT; tried++) {
    const port = nextPort;
    nextPort = port < LAST_PORT ? port + 1 : FIRST_PORT;
    if (isFree(port)) ports.push(port);
  }
  if (ports.length < count) throw new Error(`Cannot find ${count} free ports`);
  return ports;
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

async function answers(url: string, body: string | undefined): Promise<boolean> {
  try {
    const response = await fetch(
      url,
      body === undefined ? {} : { method: "POST", headers: JSON_TYPE, body },
    );
    await response.body?.cancel();
    return response.status === 200;
  } catch (error) {
    if (error instanceof TypeError) return false; // Nobody listens yet.
    throw error;
  }
}
