/** A configuration file with what is said of every key. Pure. @module */
import {
  choicesText,
  type ConfigResult,
  defaultText,
  envName,
  fileKey,
  type Flag,
  FLAG_GROUPS,
  placeholder,
  type Setting,
} from "../config/mod.ts";
import { NO_BREAK, wrapText } from "./columns.ts";

/** Flags that name the file itself, or others of its kind. */
const NAMING_FILES: ReadonlySet<string> = new Set([
  "config",
  "dynamic-config-yaml",
  "dynamic-config-json",
]);

const HEAD =
  `# The configuration of pd-router, for pd-router --config FILE. A key is a flag without its
# dashes, with underscores; a flag, or a variable, wins over it. What stands behind a # is what
# holds without it. Read again when it changes with --reload-interval, and on SIGHUP.
# pd-router check --config FILE finds mistakes, pd-router doctor --config FILE tries it.`;

/** Columns of comments. */
const WIDTH = 96;

/** The file's text: what was given is in force, everything else is a comment. */
export function configText(result: Extract<ConfigResult, { readonly ok: true }>): string {
  const settings = new Map(result.settings.map((setting) => [setting.flag.name, setting]));
  const groups = FLAG_GROUPS.map(({ title, flags }) => {
    const keys = flags.filter(isKey).map((flag) => keyText(flag, settings.get(flag.name)));
    return keys.length === 0 ? "" : [`# == ${title} ==`, ...keys].join("\n\n");
  });
  return [HEAD, ...groups.filter((text) => text !== "")].join("\n\n\n");
}

function isKey({ name, status }: Flag): boolean {
  return status === undefined && !NAMING_FILES.has(name);
}

function keyText(flag: Flag, setting: Setting | undefined): string {
  const choices = choicesText(flag);
  const told = `${flag.help}${choices === "" ? "" : `: ${choices}`}`.replaceAll(NO_BREAK, " ");
  const comment = wrapText(told, WIDTH - 2).map((line) => `# ${line}`);
  const key = fileKey(flag.name);
  if (setting === undefined || setting.source === "default" || setting.source === "implied") {
    return [...comment, exampleOf(flag, key)].join("\n");
  }
  if (flag.secret === true) {
    return [
      ...comment,
      `# It is set, and is a secret: give ${envName(flag.name)} in the environment.`,
    ]
      .join("\n");
  }
  return [...comment, `${key}: ${yamlOf(setting)}`].join("\n");
}

/** What holds without it, or what a value would look like. */
function exampleOf(flag: Flag, key: string): string {
  if (flag.secret === true) {
    return `# A secret: better in the environment, as ${envName(flag.name)}.`;
  }
  if (flag.type === "flag") return `# ${key}: false`;
  const byDefault = defaultText(flag);
  return byDefault === ""
    ? `# ${key}: <${placeholder(flag)}>`
    : `# ${key}: ${scalarOf(flag.default)}`;
}

function yamlOf({ value }: Setting): string {
  if (value instanceof Map) {
    const entries = [...value].map(([alias, model]) =>
      `${JSON.stringify(alias)}: ${JSON.stringify(model)}`
    );
    return `{ ${entries.join(", ")} }`;
  }
  return Array.isArray(value) ? `[${value.map(scalarOf).join(", ")}]` : scalarOf(value);
}

/** JSON is YAML: texts are quoted wherever they could be read as something else. */
function scalarOf(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return /^[A-Za-z_][\w./-]*$/.test(value) && !/^(y|n|yes|no|on|off|true|false|null)$/i.test(value)
    ? value
    : JSON.stringify(value);
}
