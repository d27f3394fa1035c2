/**
 * The command line as occurrences of flags. Commander splits it; what the values mean, and which
 * flags there are not, is for others to say, so that all problems can be told at once.
 * @module
 */
import { Command, Option } from "commander";
import type { Problem } from "../config/mod.ts";

/** What splitting needs to know of a flag. */
export interface ArgvFlag {
  readonly name: string;
  /** `flag` takes no value. */
  readonly type: string;
  /** Stands for a value that was left out; absent where it must not be. */
  readonly bare?: string | number;
}

/** A command line in pieces. */
export interface ParsedArgv {
  /** Values of each flag by name, in order; `"true"` for a flag without one. Also unknown flags. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly help: boolean;
  readonly version: boolean;
  /** Missing values, and arguments that belong to no flag. */
  readonly problems: readonly Problem[];
}

/** Split `argv`, without a command in front. `--name value` and `--name=value` are the same. */
export function parseArgv(known: readonly ArgvFlag[], argv: readonly string[]): ParsedArgv {
  const flags = new Map<string, string[]>();
  const problems: Problem[] = [];
  const add = (name: string, value: string): void => {
    const values = flags.get(name);
    if (values === undefined) flags.set(name, [value]);
    else values.push(value);
  };
  const command = new Command().helpOption(false);
  const switches = new Set<string>();
  for (const { name, type, bare } of known) {
    if (type === "flag") switches.add(name);
    // An optional value lets a missing one be told without ending the parse.
    command.addOption(new Option(type === "flag" ? `--${name}` : `--${name} [value]`));
    command.on(`option:${name}`, (value: unknown) => {
      if (type === "flag") add(name, "true");
      else if (typeof value === "string") add(name, value);
      else if (bare !== undefined) add(name, String(bare));
      else problems.push({ key: `--${name}`, message: "expected a value" });
    });
  }
  const found = { help: false, version: false };
  command.option("-h, --help").option("--version");
  command.on("option:help", () => found.help = true);
  command.on("option:version", () => found.version = true);
  const { operands, unknown } = command.parseOptions([...argv]);
  const stray = (argument: string): void =>
    void problems.push({ key: argument, message: "unexpected argument; flags begin with --" });
  for (const argument of operands) stray(argument);
  let afterUnknown = false;
  for (const argument of unknown) {
    const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? [];
    if (name !== undefined) {
      const isSwitch = switches.has(name);
      add(name, value ?? "");
      afterUnknown = !isSwitch && value === undefined;
    } else if (argument.startsWith("-") && argument !== "-") {
      problems.push({ key: argument, message: "unknown flag" });
      afterUnknown = true;
    } else if (afterUnknown) {
      // Most likely the value of the unknown flag before it.
      afterUnknown = false;
    } else {
      stray(argument);
    }
  }
  return { flags, ...found, problems };
}

/** A command line with operands among its flags, which may stand in any order. */
export function parseWithOperands(
  known: readonly { readonly name: string; readonly placeholder: string }[],
  argv: readonly string[],
): { readonly operands: readonly string[]; readonly parsed: ParsedArgv } {
  const operands: string[] = [];
  const rest: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
    if (!word.startsWith("-") || word === "-") {
      operands.push(word);
      continue;
    }
    rest.push(word);
    const flag = known.find(({ name }) => word === `--${name}`);
    const value = argv[at + 1];
    if (flag === undefined || flag.placeholder === "" || value === undefined) continue;
    rest.push(value);
    at++;
  }
  const flags = known.map(({ name, placeholder }) => ({
    name,
    type: placeholder === "" ? "flag" : "string",
  }));
  return { operands, parsed: parseArgv(flags, rest) };
}
