/** Whether a file that was made runs, as far as that can be tried here. @module */
import { lastLine, type Outcome, run } from "../compile/command.ts";
import type { Machine } from "./machines.ts";

/** Unpacking, and one start, under emulation. */
const TIMEOUT_MS = 300_000;

const EMULATE = new URL("emulate.sh", import.meta.url).pathname;

/** What runs a file of another kind of machine. */
interface Emulator {
  /** Of Debian's qemu-user-static. */
  readonly program: string;
  /** Of Debian's cross packages, such as libc6-arm64-cross. */
  readonly libraries: string;
}

/**
 * Have the file say its version, in an empty home: as it is where the machine is of its kind, and else
 * emulated where that can be had. Gives what was seen; rejects when it says something else.
 */
export async function tryFile(path: string, machine: Machine, version: string): Promise<string> {
  const isOwn = machine.target === Deno.build.target;
  const { program, libraries }: Emulator = {
    program: `/usr/bin/qemu-${machine.name}-static`,
    libraries: `/usr/${machine.name}-linux-gnu`,
  };
  for (const needed of isOwn ? [] : [program, libraries]) {
    if (!await exists(needed)) return `not run: there is no ${needed}`;
  }
  const home = await Deno.makeTempDir({ prefix: "pd-router-release-" });
  const emulated = ["--map-root-user", "--mount", "sh", EMULATE, program, libraries, path];
  const [command, before] = isOwn ? [path, []] : ["unshare", emulated];
  try {
    const outcome = await run(command, {
      args: [...before, "--version"],
      timeoutMs: TIMEOUT_MS,
      cwd: home,
      env: { HOME: home, TMPDIR: home, PATH: "/usr/bin:/bin", NO_COLOR: "1" },
      clearEnv: true,
    });
    if (outcome.code !== 0 || outcome.stdout !== `pd-router ${version}\n`) {
      throw new Error(`Cannot use ${path}: ${problemOf(outcome)}`);
    }
    return isOwn ? "runs" : "runs, emulated";
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

function problemOf({ code, stdout, stderr, timedOut }: Outcome): string {
  if (timedOut) return `--version did not end in ${TIMEOUT_MS / 1000} s`;
  return `--version ended with ${code}: ${lastLine(stderr) || stdout.slice(0, 200)}`;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
