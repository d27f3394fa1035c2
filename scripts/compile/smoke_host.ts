/** A bare machine for one program: an empty home and a PATH with neither Deno nor Node. @module */
import { concatBytes, decodeUtf8 } from "../../lib/base/mod.ts";
import { type Outcome, run } from "./command.ts";
import { shellQuote } from "./stub.ts";

/** What the compiled file may find in PATH: a shell, coreutils and gzip. */
const TOOLS = [
  ...["sh", "gzip", "chmod", "env", "head", "id", "mkdir", "mktemp", "mv", "rm", "rmdir"],
  ...["sha256sum", "stat", "tail", "touch"],
];

/** How long a program may take to end after SIGTERM. */
const STOP_MS = 15_000;

/** The temporary folders of one smoke test. Disposing it removes them. */
export class SmokeHost implements AsyncDisposable {
  readonly #dir: string;
  /** The copy of the file under test, alone in its folder. */
  readonly program: string;

  private constructor(dir: string) {
    this.#dir = dir;
    this.program = `${dir}/alone/pd-router`;
  }

  /** Copy `file` and make the rest. */
  static async create(file: string): Promise<SmokeHost> {
    const host = new SmokeHost(await Deno.makeTempDir({ prefix: "pd-router-smoke-" }));
    try {
      for (const name of ["alone", "bin", "home", "tmp"]) await Deno.mkdir(`${host.#dir}/${name}`);
      await Deno.copyFile(file, host.program);
      await Deno.chmod(host.program, 0o755);
      for (const tool of TOOLS) await Deno.symlink(findTool(tool), `${host.#dir}/bin/${tool}`);
      return host;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where the self-extracting form unpacks. */
  get cache(): string {
    return `${this.#dir}/home/.cache/pd-router`;
  }

  /** Forget what was unpacked. */
  async clear(): Promise<void> {
    await Deno.remove(`${this.#dir}/home`, { recursive: true });
    await Deno.mkdir(`${this.#dir}/home`);
  }

  /** Run the program to its end. */
  run(args: readonly string[]): Promise<Outcome> {
    return this.#run(this.program, args);
  }

  /** Run the program to its end on a terminal, whose text is the outcome's standard output. */
  runOnTerminal(args: readonly string[]): Promise<Outcome> {
    const command = [this.program, ...args].map(shellQuote).join(" ");
    return this.#run(findTool("script"), ["-qec", command, "/dev/null"]);
  }

  #run(program: string, args: readonly string[]): Promise<Outcome> {
    return run(program, {
      args,
      cwd: `${this.#dir}/alone`,
      env: this.#env(),
      clearEnv: true,
      timeoutMs: 120_000,
    });
  }

  /** Start the program; it must be stopped. */
  start(args: readonly string[]): Running {
    const child = new Deno.Command(this.program, {
      args: [...args],
      cwd: `${this.#dir}/alone`,
      env: this.#env(),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Running(args.join(" "), child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#dir, { recursive: true });
  }

  #env(): Record<string, string> {
    const dir = this.#dir;
    return { PATH: `${dir}/bin`, HOME: `${dir}/home`, TMPDIR: `${dir}/tmp`, NO_COLOR: "1" };
  }
}

/** A program that serves. Disposing it ends it in any case. */
export class Running implements AsyncDisposable {
  readonly #name: string;
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<string>;
  #ended = false;

  constructor(name: string, child: Deno.ChildProcess) {
    this.#name = name;
    this.#child = child;
    this.#output = Promise.all([readAll(child.stdout), readAll(child.stderr)])
      .then((texts) => texts.join(""));
    child.status.then(() => this.#ended = true);
  }

  /** Whether it has ended by itself or otherwise. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Send a signal that ends nothing. */
  send(signal: Deno.Signal): void {
    if (!this.#ended) this.#child.kill(signal);
  }

  /**
   * Send `signal`; resolves to what it wrote. Rejects when it does not end with 0 in time, with that.
   */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<string> {
    if (!this.#ended) this.#child.kill(signal);
    const status = await this.#wait();
    if (status === 0) return await this.#output;
    throw new Error(
      `Cannot stop "${this.#name}": ended with ${status}; it wrote:\n${await this.#output}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#output;
  }

  async #wait(): Promise<number | "nothing in time"> {
    const time = Promise.withResolvers<"nothing in time">();
    const timer = setTimeout(() => {
      time.resolve("nothing in time");
      this.#child.kill("SIGKILL");
    }, STOP_MS);
    try {
      return await Promise.race([this.#child.status.then((status) => status.code), time.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return decodeUtf8(concatBytes(parts));
}

function findTool(name: string): string {
  for (const folder of ["/usr/bin", "/bin"]) {
    try {
      return Deno.realPathSync(`${folder}/${name}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`Cannot find ${name} in /usr/bin and /bin`);
}
