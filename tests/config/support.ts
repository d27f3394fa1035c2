/** Configurations in one line. @module */
import {
  type ConfigInput,
  type ConfigResult,
  parseConfigText,
  type Problem,
  problemText,
  resolveConfig,
  type RouterConfig,
} from "../../lib/config/mod.ts";
import { fail } from "../support/assert.ts";

/** Layers as a test writes them. */
export interface Given {
  /** Flags by name; a list gives a flag several times. */
  readonly flags?: Readonly<Record<string, string | readonly string[]>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Text of a configuration file. */
  readonly file?: string;
  readonly checkFile?: ConfigInput["checkFile"];
  readonly checkPair?: ConfigInput["checkPair"];
}

/** Two engines that can hand over, with every layer empty. */
export const PAIR = { prefill: "http://p:8000", decode: "http://d:8000" } as const;

/** A fleet without handoffs, as the production-stack router is started with. */
export const FLEET = {
  "service-discovery": "static",
  "static-backends": "http://a:8000,http://b:8000",
  "static-models": "m,m",
  "routing-logic": "roundrobin",
} as const;

/** Resolve what is given; the file is called `pd.yaml`. */
export function resolve({ flags = {}, env = {}, file, checkFile, checkPair }: Given): ConfigResult {
  const parsed = file === undefined ? undefined : parseConfigText(file);
  const path = "pd.yaml";
  return resolveConfig({
    flags: new Map(Object.entries(flags).map(([name, value]) => [name, [value].flat()])),
    env: (name) => env[name],
    ...(checkFile === undefined ? {} : { checkFile }),
    ...(checkPair === undefined ? {} : { checkPair }),
    file: parsed === undefined
      ? undefined
      : parsed.ok
      ? { ok: true, path, content: parsed.value }
      : { ok: false, path, message: parsed.message },
  });
}

/** The configuration of what is given, which must be right. */
export function configOf(given: Given): RouterConfig {
  const result = resolve(given);
  return result.ok ? result.config : fail(result.problems.map(problemText).join("\n"));
}

/** The problems of what is given, which must be wrong. */
export function problemsOf(given: Given): readonly Problem[] {
  const result = resolve(given);
  return result.ok ? fail("Expected problems") : result.problems;
}

/** The problems as lines. */
export function linesOf(given: Given): readonly string[] {
  return problemsOf(given).map(problemText);
}
