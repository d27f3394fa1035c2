/** The process of attacking clients, from the outside. @module */
import type { AttackEnd } from "./attacker.ts";
import type { Attack } from "./attacks.ts";

/** How long an attack goes on, in milliseconds. */
export interface AttackTime {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** One process, ready to attack. Disposed, it has ended. */
export class AttackerProcess implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #text = "";

  private constructor(attack: Attack, port: number, { leastMs, mostMs }: AttackTime) {
    // It gives way to the processes that are measured.
    this.#process = new Deno.Command("nice", {
      args: [
        ...["-n", "19", Deno.execPath(), "run", "--frozen", "--no-check", "--allow-all"],
        new URL("attacker.ts", import.meta.url).pathname,
        ...[attack.name, port, leastMs, mostMs].map(String),
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Start one; resolves when it is ready. */
  static async start(attack: Attack, port: number, time: AttackTime): Promise<AttackerProcess> {
    const started = new AttackerProcess(attack, port, time);
    await started.#line();
    return started;
  }

  /** Let it attack; resolves at its end. */
  async attack(): Promise<AttackEnd> {
    const writer = this.#process.stdin.getWriter();
    await writer.write(Uint8Array.of(1));
    const end: AttackEnd = JSON.parse(await this.#line());
    await writer.close();
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch (error) {
      // It has ended.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#process.status;
  }

  async #line(): Promise<string> {
    while (!this.#text.includes("\n")) {
      const { value } = await this.#lines.read();
      if (value === undefined) throw new Error("Cannot attack: the process has ended");
      this.#text += value;
    }
    const end = this.#text.indexOf("\n");
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }
}
