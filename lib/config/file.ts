/**
 * The configuration file: YAML (JSON is a subset) with a key for every flag, and `engines`.
 *
 * Knows the shapes of a file, not what the values mean together; reads no file itself.
 * @module
 */
import { parseDocument } from "yaml";
import type * as z from "zod";
import {
  ALIASES,
  asMap,
  type EngineEntry,
  ENGINES,
  STATIC_MODELS,
  type StaticModels,
  VALUE,
} from "./file_shapes.ts";
import { fileKey } from "./flag.ts";
import { FLAGS } from "./flags.ts";
import { type Problem, withSuggestion } from "./problem.ts";
import { shapeProblem } from "./shape_problem.ts";
import type { Parsed, RawValue } from "./value.ts";

/** A configuration file that was read and parsed, or why it was not. */
export type ConfigFile =
  | { readonly ok: true; readonly path: string; readonly content: unknown }
  | { readonly ok: false; readonly path: string; readonly message: string };

/** A file's values, before they are checked against their flags. */
export interface FileValues {
  /** Raw values by flag name. */
  readonly values: ReadonlyMap<string, RawValue>;
  readonly engines: readonly EngineEntry[];
  /** Flags, and `engines`, whose value has a shape that cannot be read. */
  readonly invalid: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

/** Flags that name a configuration file. */
const NAMING_FILES: ReadonlySet<string> = new Set([
  "config",
  "dynamic-config-yaml",
  "dynamic-config-json",
]);

const FLAG_OF_KEY: ReadonlyMap<string, string> = new Map(
  FLAGS.filter(({ name }) => !NAMING_FILES.has(name)).map(({ name }) => [fileKey(name), name]),
);

/** The content of a file's text, or the place where it is not YAML. Total. */
export function parseConfigText(text: string): Parsed<unknown> {
  try {
    const document = parseDocument(text);
    // The library's message ends in an excerpt of the file, which may hold a secret.
    const [firstLine = ""] = document.errors[0]?.message.split("\n") ?? [];
    if (document.errors.length > 0) return { ok: false, message: firstLine.replace(/:$/, "") };
    return { ok: true, value: document.toJS() };
  } catch (error) {
    // An alias without its anchor, or too many of them, shows only here.
    if (!(error instanceof RangeError)) {
      return { ok: false, message: error instanceof Error ? error.message : String(error) };
    }
    return { ok: false, message: "it is nested too deeply" };
  }
}

/** The values of a parsed file, with a problem for every key that is unknown or of wrong shape. */
export function readFileValues(content: unknown, path: string): FileValues {
  const root = asMap(content ?? {});
  const reading = new Reading(path);
  if (root === undefined) reading.problems.push({ key: path, message: "expected keys and values" });
  for (const [key, value] of Object.entries(root ?? {})) {
    // A key without a value says nothing, as an empty environment variable does.
    if (value !== null) reading.read(key, value);
  }
  if (asMap(root?.["static_models"]) !== undefined && root?.["static_backends"]) {
    const message = "a map of models names the engines itself; remove static_backends";
    reading.problems.push({ key: `static_models in ${path}`, message });
  }
  return reading;
}

class Reading implements FileValues {
  readonly values = new Map<string, RawValue>();
  readonly invalid = new Set<string>();
  readonly problems: Problem[] = [];
  readonly #path: string;
  engines: readonly EngineEntry[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  read(key: string, value: unknown): void {
    const flag = FLAG_OF_KEY.get(key);
    if (key === "engines") {
      this.engines = this.#check(ENGINES, value, key) ?? [];
    } else if (flag === undefined) {
      this.problems.push({ key: `${key} in ${this.#path}`, message: unknownKey(key) });
    } else if (key === "static_models" && asMap(value) !== undefined) {
      const rows = flattenModels(this.#check(STATIC_MODELS, value, key) ?? {});
      for (const [name, list] of rows) this.values.set(name, list);
    } else if (key === "static_aliases" && asMap(value) !== undefined) {
      const aliases = Object.entries(this.#check(ALIASES, value, key) ?? {});
      for (const [alias] of aliases) {
        if (!alias.includes(":")) continue;
        // The list of `alias:model` that it becomes would be read as another alias.
        const message = "an alias cannot hold a colon";
        this.problems.push({ key: `static_aliases in ${this.#path}`, value: alias, message });
      }
      this.values.set(flag, aliases.map(([alias, model]) => `${alias}:${model}`));
    } else {
      const raw = this.#check(VALUE, value, key);
      if (raw !== undefined) this.values.set(flag, raw);
    }
  }

  #check<T>(type: z.ZodType<T>, value: unknown, key: string): T | undefined {
    const result = type.safeParse(value);
    if (result.success) return result.data;
    for (const issue of result.error.issues) {
      this.problems.push(shapeProblem(issue, { value, name: key, source: this.#path }));
    }
    this.invalid.add(FLAG_OF_KEY.get(key) ?? key);
    return undefined;
  }
}

/** Lists of one length for the flags that say the same. */
function flattenModels(
  models: StaticModels,
): readonly (readonly [flag: string, list: readonly string[]])[] {
  const rows = Object.entries(models).flatMap(([model, entry]) =>
    entry.static_backends.map((url) => ({ model, url, type: entry.static_model_type }))
  );
  const types = rows.flatMap((row) => row.type ?? []);
  return [
    ["static-backends", rows.map((row) => row.url)],
    ["static-models", rows.map((row) => row.model)],
    ...(types.length === 0 ? [] : [["static-model-types", types] as const]),
  ];
}

function unknownKey(key: string): string {
  if (NAMING_FILES.has(key.replaceAll("_", "-"))) return "a file does not name another";
  return withSuggestion("unknown key", key, [...FLAG_OF_KEY.keys(), "engines"]);
}
