/** Help texts, generated from the tables of flags. @module */
import {
  choicesText,
  defaultText,
  ENV_PREFIX,
  ENVIRONMENT_ONLY,
  type Flag,
  FLAG_GROUPS,
  placeholder,
} from "../config/mod.ts";
import { type Entry, entryLines, NO_BREAK, paragraph, termWidth } from "./columns.ts";

/** Longest flag, in columns, that has its text beside it. */
const LONGEST_FLAG = 26;

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
  ["pd-router check --permissions", "print which of Deno's permissions it needs, and nothing else"],
  ["pd-router demo", "simulated engines, the router and a few requests; needs no GPU"],
  ["pd-router doctor [flags]", "look at engines, ports and handoffs, and say what to do"],
  ["pd-router sim [flags]", "one simulated vLLM + LMCache engine; needs no GPU"],
  ["pd-router engines COMMAND", "list, add, drain, undrain or remove engines of a running router"],
  ["pd-router top [flags]", "watch a running router: its engines, pairs and latest requests"],
  ["pd-router trace REQUEST_ID", "where the time of one request of a running router went"],
  ["pd-router explain [flags]", "which way a request would take and why, or the whole table"],
  ["pd-router help [TOPIC]", "this text, or more of one of the topics below"],
];

/** What `pd-router help` tells of, beside the router itself. */
export const TOPICS = [
  ["check", "the flags of pd-router check, which are those below"],
  ["demo", "the flags of pd-router demo"],
  ["doctor", "what pd-router doctor looks at, and its flags"],
  ["engines", "the commands and flags of pd-router engines"],
  ["explain", "the flags of pd-router explain"],
  ["flags", "every flag with its environment variable"],
  ["metrics", "every metric with its labels"],
  ["sim", "the flags of pd-router sim"],
  ["top", "the flags and keys of pd-router top"],
  ["trace", "the flags of pd-router trace"],
] as const;

/** The name of a topic. */
export type Topic = (typeof TOPICS)[number][0];

const QUICK_START = `Quick start:
  pd-router --prefill http://10.0.0.1:8000 --decode http://10.0.0.2:8000
  curl http://localhost:8001/v1/models`;

const ENVIRONMENT = `Every flag has a variable: ${ENV_PREFIX} and the name in upper case with ` +
  `underscores, e.g. ${ENV_PREFIX}NIXL_PROXY_HOST; items of repeatable flags are separated by ` +
  "white space there. A flag wins over its variable, a variable over the configuration file. An " +
  "empty one says nothing.";

/** Help of the router itself. */
export function routerHelp(): string {
  const groups = FLAG_GROUPS.map((group): HelpGroup => ({
    title: group.title,
    flags: group.flags.map(helpOf),
  }));
  const general: HelpGroup = {
    title: "General",
    flags: [
      { name: "help", placeholder: "", text: "Print this text", choices: "", byDefault: "" },
      { name: "version", placeholder: "", text: "Print the version", choices: "", byDefault: "" },
    ],
  };
  return [
    section("Usage", COMMANDS.map(namedEntry)),
    QUICK_START,
    section("Topics of pd-router help", TOPICS.map(namedEntry)),
    renderGroups([...groups, general]),
    `Environment:\n${paragraph(ENVIRONMENT, "  ")}\n${environmentOnly()}`,
  ].join("\n\n");
}

/** A flag of the router as a help text shows it. */
export function helpOf(flag: Flag): HelpFlag {
  return {
    name: flag.name,
    placeholder: placeholder(flag),
    text: flag.help,
    choices: choicesText(flag),
    byDefault: defaultText(flag),
  };
}

/** What the environment alone can say, for a terminal. */
export function environmentOnly(): string {
  const entries = ENVIRONMENT_ONLY.map(({ name, help }) => namedEntry([name, help]));
  return entryLines(entries, termWidth(entries, LONGEST_FLAG));
}

/** Help of one command: how it is used, and its flags. */
export function commandHelp(usage: string, groups: readonly HelpGroup[]): string {
  return `Usage:\n  ${usage}\n\n${renderGroups(groups)}`;
}

/** Groups are laid out one by one: the longest name of one need not narrow the text of another. */
function renderGroups(groups: readonly HelpGroup[]): string {
  return groups.map(({ title, flags }) => section(title, flags.map(flagEntry))).join("\n\n");
}

/** A flag with its value's kind, and its text with the choices and the default. */
export function flagEntry(flag: HelpFlag): Entry {
  const value = flag.placeholder === "" ? "" : ` ${flag.placeholder}`;
  const byDefault = flag.byDefault === "" ? "" : `default:${NO_BREAK}${flag.byDefault}`;
  const notes = [flag.choices, byDefault].filter((note) => note !== "").join("; ");
  const text = notes === "" ? flag.text : `${flag.text} (${notes})`;
  return { term: `--${flag.name}${value}`, texts: [text] };
}

function namedEntry([term, text]: readonly [name: string, text: string]): Entry {
  return { term, texts: [text] };
}

function section(title: string, entries: readonly Entry[]): string {
  return `${title}:\n${entryLines(entries, termWidth(entries, LONGEST_FLAG))}`;
}
