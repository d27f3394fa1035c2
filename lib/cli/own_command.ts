/** What this process was started by, to start others like it. @module */
import { describeError, RouterError } from "../base/mod.ts";
import type { OwnCommand } from "../workers/mod.ts";

/** The variable in which a launcher names the program and its first arguments, one on each line. */
export const COMMAND_VARIABLE = "PD_ROUTER_WORKER_COMMAND";

/**
 * The program and its arguments, of which `argv` are the last. Throws `RouterError` where they are not
 * known, or the program must not be started.
 */
export function ownCommand(
  argv: readonly string[],
  env: (name: string) => string | undefined,
): OwnCommand {
  const command = commandOf(argv, env(COMMAND_VARIABLE));
  const { state } = Deno.permissions.querySync({ name: "run", command: command.program });
  if (state === "granted") return command;
  throw new RouterError(
    "internal",
    `Several workers need the permission to start them: --allow-run=${command.program} ` +
      "(the compiled program and the tasks of a checkout ask for it where --workers does)",
  );
}

/** As many as there are cores for this process, at least one. */
export function cores(): number {
  return Math.max(1, navigator.hardwareConcurrency);
}

function commandOf(argv: readonly string[], told: string | undefined): OwnCommand {
  const program = Deno.execPath();
  if (Deno.build.standalone) return { program, args: argv };
  if (told !== undefined && told !== "") {
    const [named = program, ...args] = told.split("\n");
    return { program: named, args: [...withoutRun(args), ...argv] };
  }
  let line: readonly string[];
  try {
    line = Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(0, -1);
  } catch (cause) {
    throw new RouterError(
      "internal",
      `Several workers need to know how this process was started: ${COMMAND_VARIABLE} does not ` +
        `say it, and the system does not either: ${describeError(cause)}`,
    );
  }
  return { program, args: [...withoutRun(line.slice(1, line.length - argv.length)), ...argv] };
}

/** Workers start nothing. */
function withoutRun(args: readonly string[]): readonly string[] {
  return args.filter((arg) => !/^--allow-run(?:=|$)/.test(arg));
}
