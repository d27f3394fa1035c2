/**
 * A process of its own: clients that attack a router, so that what they cost is not the bystander's.
 * It says `ready`, begins when it is sent a byte, and says in the end how many bytes were sent, as
 * JSON.
 *
 * `attacker.ts NAME PORT LEAST_MS MOST_MS`
 * @module
 */
import { pause } from "../child.ts";
import { type Attack, ATTACKS } from "./attacks.ts";

/** What an attack came to. */
export interface AttackEnd {
  readonly sentBytes: number;
}

class Attacker {
  readonly #attack: Attack;
  readonly #port: number;
  readonly #pieces: readonly Uint8Array[];
  readonly #open = new Set<Deno.TcpConn>();
  #over = false;
  sentBytes = 0;

  constructor(attack: Attack, port: number) {
    this.#attack = attack;
    this.#port = port;
    this.#pieces = [...attack.pieces()];
  }

  /** All clients, to the end of what they send and are answered. */
  async run(): Promise<void> {
    const { connections } = this.#attack;
    await Promise.all(Array.from({ length: connections }, () => this.#client()));
  }

  end(): void {
    this.#over = true;
    for (const connection of this.#open) connection.close();
    this.#open.clear();
  }

  async #client(): Promise<void> {
    const { rounds = 1 } = this.#attack;
    for (let round = 0; round < rounds && !this.#over; round++) {
      try {
        await this.#once(rounds > 1);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    }
  }

  async #once(leave: boolean): Promise<void> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: this.#port });
    this.#open.add(connection);
    const reading = this.#attack.deaf === true ? undefined : this.#read(connection);
    for (const piece of this.#pieces) {
      for (let at = 0; at < piece.length;) {
        const count = await connection.write(piece.subarray(at));
        at += count;
        this.sentBytes += count;
      }
      if (this.#attack.pauseMs !== undefined) await pause(this.#attack.pauseMs);
    }
    if (!leave) return await reading;
    if (this.#open.delete(connection)) connection.close();
    await reading;
  }

  async #read(connection: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(256 * 1024);
    try {
      while (await connection.read(buffer) !== null) { /* Thrown away. */ }
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

/** What the errors of a connection that somebody has closed are. */
function isGone(error: unknown): boolean {
  return [
    Deno.errors.BrokenPipe,
    Deno.errors.ConnectionReset,
    Deno.errors.ConnectionRefused,
    Deno.errors.BadResource,
    Deno.errors.Interrupted,
  ].some((kind) => error instanceof kind);
}

async function print(text: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) {
  const [name, ...numbers] = Deno.args;
  const [port = 0, leastMs = 0, mostMs = 0] = numbers.map(Number);
  const attack = ATTACKS.find((one) => one.name === name);
  if (attack === undefined) throw new Error(`Cannot find the attack ${name}`);
  const attacker = new Attacker(attack, port);
  await print("ready");
  await Deno.stdin.read(new Uint8Array(1));
  const all = attacker.run();
  await Promise.all([pause(leastMs), Promise.race([all, pause(mostMs)])]);
  attacker.end();
  await all;
  const end: AttackEnd = { sentBytes: attacker.sentBytes };
  await print(JSON.stringify(end));
  Deno.exit(0);
}
