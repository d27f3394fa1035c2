/** Debian's Redis, or its Valkey, as one process of its own on loopback. @module */
import { eventually } from "./eventually.ts";
import { freePort } from "./cluster.ts";

/** Where Debian puts them. */
const PROGRAMS = ["/usr/bin/redis-server", "/usr/bin/valkey-server"] as const;

/** A running server, which keeps nothing over its end. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  /** Without a password, whether or not one is needed. */
  readonly url: string;
  /** Resolves when it has ended without a word. */
  kill(): Promise<void>;
  /** Have it stand still, and go on: it accepts connections meanwhile, and answers nothing. */
  freeze(): void;
  thaw(): void;
  /** Start it again on the same port; resolves when it answers. */
  restart(): Promise<void>;
}

/** Start one; `args` are further ones of the program's. */
export async function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  const port = freePort();
  let child: Deno.ChildProcess | undefined = await start(port, args);
  const end = async (): Promise<void> => {
    const ending = child;
    child = undefined;
    ending?.kill("SIGKILL");
    await ending?.status;
  };
  return {
    port,
    url: `redis://127.0.0.1:${port}/0`,
    kill: end,
    freeze: () => child?.kill("SIGSTOP"),
    thaw: () => child?.kill("SIGCONT"),
    async restart() {
      await end();
      child = await start(port, args);
    },
    [Symbol.asyncDispose]: end,
  };
}

async function start(port: number, args: readonly string[]): Promise<Deno.ChildProcess> {
  const child = new Deno.Command(program(), {
    args: [
      ...["--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no"],
      ...args,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  await eventually(() => listens(port), () => `${program()} does not listen on ${port}`);
  return child;
}

function program(): string {
  for (const path of PROGRAMS) {
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`There is no ${PROGRAMS.join(", no ")}: apt-get install -y redis-server`);
}

async function listens(port: number): Promise<boolean> {
  try {
    using _conn = await Deno.connect({ hostname: "127.0.0.1", port });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
