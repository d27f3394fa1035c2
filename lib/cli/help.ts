/** Help texts, generated from the tables of flags. @module */
import { Command, Option } from "commander";
import {
  choicesText,
  defaultText,
  ENV_PREFIX,
  ENVIRONMENT_ONLY,
  FLAG_GROUPS,
  placeholder,
} from "../config/mod.ts";

/** Columns that a help text keeps to. */
const HELP_WIDTH = 100;

/** A flag as a help text shows it. */
export interface HelpFlag {
  readonly name: string;
  /** What stands for the value; empty for a flag without one. */
  readonly placeholder: string;
  readonly text: string;
  /** Empty when any value will do. */
  readonly choices: string;
  /** Empty for none. */
  readonly byDefault: string;
}

/** Flags under one heading. */
export interface HelpGroup {
  readonly title: string;
  readonly flags: readonly HelpFlag[];
}

const COMMANDS: readonly (readonly [name: string, text: string])[] = [
  ["pd-router [flags]", "serve"],
  ["pd-router check [flags]", "print the configuration in force, and every problem with it"],
  ["pd-router demo", "simulated engines, the router and a few requests; needs no GPU"],
  ["pd-router sim [flags]", "one simulated vLLM + LMCache engine; needs no GPU"],
  ["pd-router explain [flags]", "which way a request would take and why, or the whole table"],
  ["pd-router help [COMMAND]", "this text, or that of sim, demo or explain"],
];

const QUICK_START = `Quick start:
  pd-router --prefill http://10.0.0.1:8000 --decode 'http://10.0.0.2:8000;init=7300;alloc=7400'
  curl http://localhost:8001/v1/models`;

/** Help of the router itself. */
export function routerHelp(): string {
  const groups = FLAG_GROUPS.map((group): HelpGroup => ({
    title: group.title,
    flags: group.flags.map((flag) => ({
      name: flag.name,
      placeholder: placeholder(flag),
      text: flag.help,
      choices: choicesText(flag),
      byDefault: defaultText(flag),
    })),
  }));
  const general: HelpGroup = {
    title: "General",
    flags: [
      { name: "help", placeholder: "", text: "Print this text", choices: "", byDefault: "" },
      { name: "version", placeholder: "", text: "Print the version", choices: "", byDefault: "" },
    ],
  };
  const width = Math.max(...COMMANDS.map(([name]) => name.length));
  const usage = COMMANDS.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`).join("\n");
  const only = ENVIRONMENT_ONLY.map(({ name, help }) => `  ${name}  ${help}`).join("\n");
  const environment = `Environment:
  Every flag has a variable: ${ENV_PREFIX} and the name in upper case with underscores, e.g.
  ${ENV_PREFIX}NIXL_PROXY_HOST; items of repeatable flags are separated by white space there.
  A flag wins over its variable, a variable over the configuration file. An empty one says nothing.
${only}`;
  return [`Usage:\n${usage}`, QUICK_START, renderGroups([...groups, general]), environment]
    .join("\n\n");
}

/** Help of one command: how it is used, and its flags. */
export function commandHelp(usage: string, groups: readonly HelpGroup[]): string {
  return `Usage:\n  ${usage}\n\n${renderGroups(groups)}`;
}

/** Groups are laid out one by one: the longest name of one need not narrow the text of another. */
function renderGroups(groups: readonly HelpGroup[]): string {
  return groups.map(renderGroup).join("\n\n");
}

function renderGroup(group: HelpGroup): string {
  const command = new Command().helpOption(false).configureOutput({
    getOutHelpWidth: () => HELP_WIDTH,
    getOutHasColors: () => false,
  });
  const terms = new Map<string, string>();
  for (const flag of group.flags) {
    const value = flag.placeholder === "" ? "" : ` ${flag.placeholder}`;
    const byDefault = flag.byDefault === "" ? "" : `default: ${flag.byDefault}`;
    const notes = [flag.choices, byDefault].filter((note) => note !== "").join("; ");
    terms.set(flag.name, `--${flag.name}${value}`);
    const text = notes === "" ? flag.text : `${flag.text} (${notes})`;
    command.addOption(new Option(`--${flag.name}`, text).helpGroup(`${group.title}:`));
  }
  command.configureHelp({ optionTerm: (option) => terms.get(option.name()) ?? option.flags });
  const text = command.helpInformation();
  // The usage line that comes first is for a program with nothing but options.
  return text.slice(text.indexOf("\n\n") + 2).trimEnd();
}
