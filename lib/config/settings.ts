/**
 * Every flag's value and where it came from: command line, environment, file, default, in that
 * order.
 * @module
 */
import { RouterError } from "../base/mod.ts";
import { envName, fileKey, type Flag } from "./flag.ts";
import { type FlagName, FLAGS, type SupportedFlag } from "./flags.ts";
import type { Problem } from "./problem.ts";
import { type FlagValue, parseValue, type RawValue, shownValue } from "./value.ts";

/** Where a value came from; `implied` ones follow from `--prefill`, `--decode` and `--both`. */
export type Source = "flag" | "environment" | "file" | "default" | "implied";

/** One flag's value in force. */
export interface Setting {
  readonly flag: Flag;
  readonly source: Source;
  /** The name under which it was given, for messages: `--port`, `PD_ROUTER_PORT`, ... */
  readonly where: string;
  /** False when it is wrong; `value` is then the default. */
  readonly valid: boolean;
  readonly value: FlagValue;
  /** The value as it may be shown: secrets masked. */
  readonly text: string;
}

/** What a file says, beside what could not be read of it. */
export interface FileLayer {
  readonly values: ReadonlyMap<string, RawValue>;
  /** Name of the file, for messages. */
  readonly path: string;
  /** Flags given in a shape that cannot be read. */
  readonly invalid: ReadonlySet<string>;
}

/** Values by flag name (without dashes), outermost layer first. */
export interface Layers {
  /** Every occurrence on the command line, in order; `["true"]` for a flag without a value. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly env: (name: string) => string | undefined;
  readonly file: ReadonlyMap<string, RawValue>;
  /** Name of the file, for messages. */
  readonly filePath: string;
  /** Flags given in the file in a shape that cannot be read. */
  readonly invalidInFile: ReadonlySet<string>;
  /** A further file, below the other one. */
  readonly dynamic?: FileLayer | undefined;
}

type NumberName = FlagName<"int" | "float" | "seconds">;
type TextName = FlagName<"string" | "file" | "folder" | "host" | "route" | "module">;
type DefaultText = Extract<SupportedFlag, { name: TextName; default: string }>["name"];

/** The settings of one start. */
export class Settings {
  readonly #settings: ReadonlyMap<string, Setting>;

  constructor(settings: readonly Setting[]) {
    this.#settings = new Map(settings.map((setting) => [setting.flag.name, setting]));
  }

  all(): readonly Setting[] {
    return [...this.#settings.values()];
  }

  get(name: SupportedFlag["name"]): Setting {
    const setting = this.#settings.get(name);
    if (setting === undefined) throw new RouterError("internal", `No setting "${name}"`);
    return setting;
  }

  /** A copy with another value for one flag. */
  implying(name: TextName, value: string): Settings {
    const setting: Setting = { ...this.get(name), source: "implied", value, text: value };
    return new Settings([...new Map(this.#settings).set(name, setting).values()]);
  }

  number(name: NumberName): number {
    return Number(this.get(name).value);
  }

  /** A duration in milliseconds. */
  ms(name: NumberName): number {
    return Math.round(this.number(name) * 1000);
  }

  /** A duration in milliseconds, or undefined for none. */
  optionalMs(name: NumberName): number | undefined {
    return this.get(name).value === undefined ? undefined : this.ms(name);
  }

  on(name: FlagName<"flag">): boolean {
    return this.get(name).value === true;
  }

  /** A text that is never absent. */
  text(name: DefaultText): string {
    return String(this.get(name).value);
  }

  /** A text, or undefined for none. */
  optional(name: TextName): string | undefined {
    const { value } = this.get(name);
    return typeof value === "string" ? value : undefined;
  }

  /** The one of `choices` that was given; they must be those of the flag. */
  choice<T extends string>(name: DefaultText, choices: readonly T[]): T {
    const text = this.text(name);
    const found = choices.find((choice) => choice === text);
    if (found === undefined) throw new RouterError("internal", `--${name} cannot be "${text}"`);
    return found;
  }

  /** A list's items; none when it was not given. */
  list(name: FlagName<"list" | "specs" | "networks">): readonly string[] {
    const { value } = this.get(name);
    return Array.isArray(value) ? value.map(String) : [];
  }

  ports(name: FlagName<"ports">): readonly number[] {
    const { value } = this.get(name);
    return Array.isArray(value) ? value.map(Number) : [];
  }

  map(name: FlagName<"aliases">): ReadonlyMap<string, string> {
    const { value } = this.get(name);
    return value instanceof Map ? value : new Map();
  }
}

/** Every flag's setting, with a problem for each value that is wrong. */
export function readSettings(
  layers: Layers,
): { readonly settings: Settings; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const settings = FLAGS.map((flag): Setting => {
    const fallback = defaultSetting(flag);
    const given = findValue(flag, layers);
    if (given === undefined) {
      return layers.invalidInFile.has(flag.name) || layers.dynamic?.invalid.has(flag.name)
        ? { ...fallback, source: "file", valid: false }
        : fallback;
    }
    const { source, where, raw } = given;
    const text = shownValue(flag, raw);
    const parsed = parseValue(flag, raw);
    if (parsed.ok) return { flag, source, where, valid: true, value: parsed.value, text };
    problems.push({ key: where, value: text, message: parsed.message });
    return { ...fallback, source, where, valid: false, text };
  });
  return { settings: new Settings(settings), problems };
}

function findValue(
  flag: Flag,
  layers: Layers,
): { readonly source: Source; readonly where: string; readonly raw: RawValue } | undefined {
  const { name } = flag;
  const occurrences = layers.flags.get(name);
  if (occurrences !== undefined) {
    const raw = flag.type === "specs" ? occurrences : occurrences.at(-1) ?? "";
    return { source: "flag", where: `--${name}`, raw };
  }
  const variable = layers.env(envName(name));
  if (variable !== undefined && variable !== "" && !isServiceLink(flag, variable)) {
    return { source: "environment", where: envName(name), raw: variable };
  }
  const { file, filePath: path, dynamic } = layers;
  for (const layer of [{ values: file, path }, ...(dynamic === undefined ? [] : [dynamic])]) {
    const raw = layer.values.get(name);
    if (raw !== undefined) {
      return { source: "file", where: `${fileKey(name)} in ${layer.path}`, raw };
    }
  }
  return undefined;
}

/**
 * Whether Kubernetes, not a user, set the variable: beside a Service named `pd-router` every
 * container is given `PD_ROUTER_PORT=tcp://10.0.0.1:8001`.
 */
function isServiceLink(flag: Flag, variable: string): boolean {
  return flag.name.endsWith("port") && /^(tcp|udp|sctp):\/\//.test(variable);
}

/** Whether a setting says what would hold without it. */
export function isDefault({ flag, text }: Setting): boolean {
  return text === defaultSetting(flag).text;
}

function defaultSetting(flag: Flag): Setting {
  const raw = flag.type === "flag" ? "false" : String(flag.default ?? "");
  const parsed = parseValue(flag, raw);
  if (!parsed.ok) throw new RouterError("internal", `Default of --${flag.name} ${parsed.message}`);
  const { value } = parsed;
  const text = shownValue(flag, value);
  return { flag, source: "default", where: `--${flag.name}`, valid: true, value, text };
}
