/** Completions of shells, from the tables that the help texts are from. @module */
import { type Flag, FLAGS, withSuggestion } from "../config/mod.ts";
import { TOPICS } from "./help.ts";
import type { CliPorts } from "./ports.ts";
import { refuse } from "./report.ts";

/** Shells that there are completions for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** Commands, with what is said of each in a list, and the words that may follow it. */
const COMMANDS: readonly (readonly [name: string, text: string, words: readonly string[]])[] = [
  ["check", "print the configuration in force", []],
  ["completions", "completions for a shell", SHELLS],
  ["config", "write a commented configuration file", ["init"]],
  ["demo", "simulated engines and a few requests", []],
  ["doctor", "look at engines, ports and handoffs", []],
  ["engines", "engines of a running router", ["list", "add", "drain", "undrain", "remove"]],
  ["explain", "which way a request would take", []],
  ["help", "help, or more of a topic", TOPICS.map(([name]) => name)],
  ["man", "the manual page", []],
  ["sim", "one simulated engine", []],
  ["top", "watch a running router", []],
  ["trace", "where the time of a request went", []],
];

/** The names of all commands. */
export const COMMAND_NAMES: readonly string[] = COMMANDS.map(([name]) => name);

/** Run `pd-router completions SHELL`; resolves to the exit code: 2 for no such shell. */
export async function runCompletions(argv: readonly string[], ports: CliPorts): Promise<number> {
  const [name = "", stray] = argv;
  const shell = SHELLS.find((known) => known === name);
  if (shell === undefined || stray !== undefined) {
    const message = withSuggestion(`expected one of ${SHELLS.join(", ")}`, name, SHELLS);
    return await refuse([{ key: "completions", value: stray ?? name, message }], ports);
  }
  await ports.stdio.out.print(completionScript(shell));
  return 0;
}

/** A script that the shell reads. */
export function completionScript(shell: Shell): string {
  switch (shell) {
    case "bash":
      return bashScript();
    case "zsh":
      return zshScript();
    case "fish":
      return fishScript();
    default:
      return shell satisfies never;
  }
}

/** What completes a flag's value. */
function valueOf({ type, choices }: Flag): readonly string[] | "file" | "folder" | "text" | "none" {
  if (type === "flag") return "none";
  if (choices !== undefined) return choices;
  if (type === "file" || type === "module") return "file";
  return type === "folder" ? "folder" : "text";
}

function bashScript(): string {
  const values = FLAGS.flatMap((flag) => {
    const value = valueOf(flag);
    if (value === "none") return [];
    const reply = typeof value === "object"
      ? `COMPREPLY=($(compgen -W "${value.join(" ")}" -- "$word"))`
      : value === "text"
      ? "COMPREPLY=()"
      : `COMPREPLY=($(compgen ${value === "file" ? "-f" : "-d"} -- "$word"))`;
    return [`    --${flag.name}) ${reply}; return ;;`];
  });
  const words = COMMANDS.filter(([, , next]) => next.length > 0).map(([name, , next]) =>
    `    ${name}) COMPREPLY=($(compgen -W "${next.join(" ")}" -- "$word")); return ;;`
  );
  return `# Completions of pd-router for bash: source <(pd-router completions bash)
_pd_router() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD - 1]}"
  case "$before" in
${values.join("\n")}
  esac
  if [ "$COMP_CWORD" = 2 ]; then case "$before" in
${words.join("\n")}
  esac; fi
  if [ "$COMP_CWORD" = 1 ] && [[ "$word" != -* ]]; then
    COMPREPLY=($(compgen -W "${COMMAND_NAMES.join(" ")}" -- "$word"))
    return
  fi
  COMPREPLY=($(compgen -W "${flagNames().join(" ")}" -- "$word"))
}
complete -F _pd_router pd-router`;
}

function flagNames(): readonly string[] {
  return [...FLAGS.map(({ name }) => `--${name}`), "--help", "--version"];
}

function zshScript(): string {
  const flags = FLAGS.map((flag) => {
    const value = valueOf(flag);
    const action = typeof value === "object"
      ? `(${value.join(" ")})`
      : { file: "_files", folder: "_files -/", text: " ", none: "" }[value];
    const argument = value === "none" ? "" : `:value:${action}`;
    return `    '*--${flag.name}[${inZsh(flag.help)}]${argument}'`;
  });
  const commands = COMMANDS.map(([name, text]) => `    '${name}:${inZsh(text)}'`);
  const words = COMMANDS.filter(([, , next]) => next.length > 0).map(([name, , next]) =>
    `      ${name}) compadd -- ${next.join(" ")} && return ;;`
  );
  return `#compdef pd-router
# Completions of pd-router for zsh: source <(pd-router completions zsh)
_pd_router() {
  local -a commands flags
  commands=(
${commands.join("\n")}
  )
  flags=(
${flags.join("\n")}
    '--help[Print help]'
    '--version[Print the version]'
  )
  if (( CURRENT == 2 )) && [[ $PREFIX != -* ]]; then
    _describe command commands
    return
  fi
  if (( CURRENT == 3 )); then
    case $words[2] in
${words.join("\n")}
    esac
  fi
  _arguments -S $flags '*::'
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _pd_router "$@"
else compdef _pd_router pd-router; fi`;
}

/** Within single quotes, and within the brackets of \`_arguments\`. */
function inZsh(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, (sign) => `\\${sign}`).replaceAll("'", "'\\''");
}

function fishScript(): string {
  const lines = COMMANDS.map(([name, text]) =>
    `complete -c pd-router -f -n __fish_use_subcommand -a ${name} -d ${inFish(text)}`
  );
  for (const [name, , next] of COMMANDS) {
    if (next.length === 0) continue;
    const when = inFish(`__fish_seen_subcommand_from ${name}`);
    lines.push(`complete -c pd-router -f -n ${when} -a ${inFish(next.join(" "))}`);
  }
  for (const flag of FLAGS) {
    const value = valueOf(flag);
    const rest = typeof value === "object"
      ? ` -x -a ${inFish(value.join(" "))}`
      : { file: " -r", folder: " -x -a '(__fish_complete_directories)'", text: " -x", none: "" }[
        value
      ];
    lines.push(`complete -c pd-router -l ${flag.name}${rest} -d ${inFish(flag.help)}`);
  }
  return ["# Completions of pd-router for fish: pd-router completions fish | source", ...lines]
    .join("\n");
}

function inFish(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
