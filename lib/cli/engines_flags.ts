/** The flags of `pd-router engines`, and its help. @module */
import { ENV_PREFIX, USUAL_ADMIN, withSuggestion } from "../config/mod.ts";
import type { Problem } from "../config/mod.ts";
import { parseWithOperands } from "./argv.ts";
import { commandHelp, type HelpFlag } from "./help.ts";

/** What the command can do, and what it says of that. */
export const VERBS = {
  list: "every engine, where it was found, and what it is doing",
  add: "add the engine at URL; it is kept until the router ends",
  drain: "have the engine ID get nothing new, and wait until it is idle",
  undrain: "have it serve again",
  remove: "remove an engine that was added",
} as const;

/** The name of something that it can do. */
export type Verb = keyof typeof VERBS;

/** The variable of the key that the API asks for; the router has its keys from the same. */
export const KEY_VARIABLE = `${ENV_PREFIX}ADMIN_API_KEY`;

interface EnginesFlag extends HelpFlag {
  readonly verbs: readonly Verb[];
}

const ALL = ["list", "add", "drain", "undrain", "remove"] as const;

const GENERAL: readonly EnginesFlag[] = [
  flag("admin", "URL", ALL, "Where the router's admin API is", `http://${USUAL_ADMIN}`),
  flag("json", "", ALL, "Print what the API answers"),
  flag("tls-ca", "FILE", ALL, "Certificates to be trusted beside the usual ones, for https"),
];

const WAITING: readonly EnginesFlag[] = [
  flag("timeout", "SECONDS", ["drain", "remove"], "Longest wait for it to be idle", "600"),
  flag("no-wait", "", ["drain"], "Do not wait"),
  flag("drain", "", ["remove"], "Drain it first, and wait until it is idle"),
];

const ADDING: readonly EnginesFlag[] = [
  flag("role", "NAME", ["add"], "prefill, decode, any or both", "any"),
  flag("model", "NAME", ["add"], "A model; repeatable. Read from the engine when not given"),
  flag("label", "TEXT", ["add"], "Its label"),
  flag("kv-protocol", "NAME", ["add"], "How its KV moves, where that is not as usual"),
  flag("max-num-seqs", "INT", ["add"], "Requests that it works on at a time"),
  flag("nixl-host", "HOST", ["add"], "Where a decode engine receives KV; the URL's when not given"),
  flag("init", "PORT,PORT", ["add"], "Its pd_peer_init_port, one for each rank"),
  flag("alloc", "PORT,PORT", ["add"], "Its pd_peer_alloc_port, likewise"),
  flag("query", "PORT,PORT", ["add"], "Its pd_peer_query_port, likewise"),
  flag(
    "file",
    "FILE",
    ["add"],
    "JSON with anything else an item of the configuration's " +
      "`engines` has, - for standard input; flags win",
  ),
];

const FLAGS = [...GENERAL, ...WAITING, ...ADDING];

function flag(
  name: string,
  placeholder: string,
  verbs: readonly Verb[],
  text: string,
  byDefault = "",
): EnginesFlag {
  return { name, placeholder, text, choices: "", byDefault, verbs };
}

/** What was asked for. */
export interface EnginesAsk {
  readonly verb: Verb;
  /** A URL, or an id; empty for `list`. */
  readonly operand: string;
  readonly flags: ReadonlyMap<string, readonly string[]>;
}

/** A command line of `engines`, without that word; or what is to be said instead. */
export type EnginesLine =
  | { readonly kind: "ask"; readonly ask: EnginesAsk }
  | { readonly kind: "help" | "version" }
  | { readonly kind: "wrong"; readonly problems: readonly Problem[] };

/** Help of `pd-router engines`. */
export function enginesHelp(): string {
  const usage = Object.entries(VERBS).map(([verb, text]) => `  ${lineOf(verb)}${text}`);
  return [
    commandHelp("pd-router engines COMMAND [flags]", [
      { title: "All commands", flags: GENERAL },
      { title: "drain, remove", flags: WAITING },
      { title: "add", flags: ADDING },
    ]),
    `Commands:\n${usage.join("\n")}`,
    `Environment:\n  ${KEY_VARIABLE}  the key, where the API asks for one`,
    "Exit codes: 0 done, 1 refused or not reached, 2 wrong command line, 3 not idle\nin time.",
  ].join("\n\n");
}

function lineOf(verb: string): string {
  const operand = verb === "list" ? "" : verb === "add" ? " URL" : " ID";
  return `${verb}${operand}`.padEnd(12);
}

/** Take a command line apart. */
export function readEnginesLine(argv: readonly string[]): EnginesLine {
  const { operands, parsed } = parseWithOperands(FLAGS, argv);
  if (parsed.help || parsed.version) return { kind: parsed.help ? "help" : "version" };
  const [word = "", operand = "", ...strays] = operands;
  const verb = ALL.find((each) => each === word);
  const problems: Problem[] = [...parsed.problems];
  if (verb === undefined) {
    const message = word === "" ? `expected ${ALL.join(", ")}` : "unknown command";
    problems.push({ key: word || "engines", message: withSuggestion(message, word, ALL) });
    return { kind: "wrong", problems };
  }
  if (verb !== "list" && operand === "") {
    const what = verb === "add" ? "the engine's URL" : "the engine's id, as list tells it";
    problems.push({ key: verb, message: `expected ${what}` });
  }
  for (const stray of verb === "list" && operand !== "" ? [operand, ...strays] : strays) {
    problems.push({ key: stray, message: "unexpected argument" });
  }
  problems.push(...flagProblems(verb, parsed.flags));
  return problems.length > 0
    ? { kind: "wrong", problems }
    : { kind: "ask", ask: { verb, operand, flags: parsed.flags } };
}

function flagProblems(verb: Verb, flags: EnginesAsk["flags"]): readonly Problem[] {
  const names = FLAGS.filter(({ verbs }) => verbs.includes(verb)).map(({ name }) => name);
  const problems: Problem[] = [];
  for (const name of flags.keys()) {
    if (names.includes(name)) continue;
    const known = FLAGS.find((each) => each.name === name);
    const message = known === undefined
      ? withSuggestion("unknown flag", name, names, "--")
      : `belongs to ${known.verbs.join(" and ")}`;
    problems.push({ key: `--${name}`, message });
  }
  problems.push(...adminUrlProblems(flags));
  const seconds = flags.get("timeout")?.at(-1);
  if (seconds !== undefined && !(/^\d+(\.\d+)?$/.test(seconds) && Number(seconds) <= 3_600)) {
    const message = "expected seconds from 0 to 3600";
    problems.push({ key: "--timeout", value: seconds, message });
  }
  return problems;
}

/** What is wrong with where the API is said to be; nothing where that is not said. */
export function adminUrlProblems(flags: EnginesAsk["flags"]): readonly Problem[] {
  const value = flags.get("admin")?.at(-1);
  if (value === undefined || /^https?:\/\/[^/?#@]+\/?$/.test(value)) return [];
  return [{ key: "--admin", value, message: `expected a URL such as http://${USUAL_ADMIN}` }];
}
