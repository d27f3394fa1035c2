/** The manual page, from the tables that the help texts are from. Pure. @module */
import { ENV_PREFIX, ENVIRONMENT_ONLY, envName, FLAG_GROUPS } from "../config/mod.ts";
import { COMMANDS, flagEntry, type HelpFlag, helpOf, TOPICS } from "./help.ts";
import { NO_BREAK } from "./columns.ts";
import { VERSION_LINE } from "./version.ts";

const DESCRIPTION = [
  "One program that puts an OpenAI-compatible front on vLLM engines. Prompts go to prefill engines, " +
  "their KV cache over NIXL to decode engines, and answers are streamed from there as if one engine " +
  "had made them. It routes fleets without handoffs as well.",
  `Every flag has an environment variable, ${ENV_PREFIX} and its name in upper case with underscores, ` +
  "and a key in the file of --config, its name with underscores. A flag wins over its variable, a " +
  "variable over the file. An empty one says nothing.",
] as const;

const SIGNALS = [
  [
    "SIGTERM, SIGINT, SIGQUIT",
    "drains: no new requests, those in flight end; again to end at once",
  ],
  ["SIGHUP", "reads the configuration again"],
] as const;

const STATUSES = [
  ["0", "stopped after a signal, or the command has gone well"],
  ["1", "could not start, ended by itself, or the command has found a problem"],
  ["2", "the command line or the configuration cannot be used; nothing was started"],
  ["3", "pd-router engines: an engine is not idle in time"],
  ["130", "ended at once by a second signal, or by one before the start was complete"],
] as const;

/** The page in man(7)'s macros, for `man ./pd-router.1`. */
export function manPage(): string {
  const [, version = ""] = VERSION_LINE.split(" ");
  return [
    `.TH PD-ROUTER 1 "" ${quoted(`pd-router ${version}`)} "User Commands"`,
    section("NAME", [`pd-router \\- ${escaped("one front for prefill and decode engines")}`]),
    section("SYNOPSIS", COMMANDS.flatMap(([usage]) => [".br", bold(usage)]).slice(1)),
    section("DESCRIPTION", paragraphs(DESCRIPTION)),
    section("COMMANDS", COMMANDS.flatMap(([usage, text]) => item(usage, text))),
    section("TOPICS OF HELP", TOPICS.flatMap(([name, text]) => item(name, text))),
    section(
      "OPTIONS",
      FLAG_GROUPS.flatMap(({ title, flags }) => [
        `.SS ${quoted(title)}`,
        ...flags.flatMap((flag) => flagItem(helpOf(flag))),
      ]),
    ),
    section("ENVIRONMENT", ENVIRONMENT_ONLY.flatMap(({ name, help }) => item(name, help))),
    section("SIGNALS", SIGNALS.flatMap(([name, text]) => item(name, text))),
    section("EXIT STATUS", STATUSES.flatMap(([code, text]) => item(code, text))),
  ].join("\n");
}

function flagItem(flag: HelpFlag): readonly string[] {
  const { term, texts: [text = ""] } = flagEntry(flag);
  return item(term, `${text}. Variable: ${envName(flag.name)}`);
}

function section(title: string, lines: readonly string[]): string {
  return [`.SH ${quoted(title)}`, ...lines].join("\n");
}

function paragraphs(texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => [".PP", escaped(text)]);
}

function item(term: string, text: string): readonly string[] {
  return [".TP", bold(term), escaped(text)];
}

function bold(text: string): string {
  return `.B ${escaped(text)}`;
}

function quoted(text: string): string {
  return `"${escaped(text).replaceAll('"', "\\(dq")}"`;
}

/** `text` as roff prints it: dashes are those of commands, and no line is a request of roff's. */
function escaped(text: string): string {
  const plain = text.replaceAll(NO_BREAK, " ").replaceAll("\n", " ");
  const safe = plain.replaceAll("\\", "\\e").replaceAll("-", "\\-");
  return /^[.']/.test(safe) ? `\\&${safe}` : safe;
}
