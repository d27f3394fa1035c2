/** A configuration from the command line, the environment and the file they name. @module */
import { fileErrorText } from "../base/mod.ts";
import {
  type ConfigFile,
  type ConfigResult,
  envName,
  type FileKind,
  parseConfigText,
  resolveConfig,
} from "../config/mod.ts";
import { parseKeysFile } from "../doors/mod.ts";
import { certificateProblem, pairProblem, privateKeyProblem } from "../tls/mod.ts";
import type { ParsedArgv } from "./argv.ts";
import type { CliPorts } from "./ports.ts";

/** Resolve what `argv`, the environment and the configuration file say. */
export function loadConfig(
  argv: ParsedArgv,
  ports: Pick<CliPorts, "env" | "readFile">,
): ConfigResult {
  const file = (name: string): ConfigFile | undefined => {
    const path = namedFile(argv, ports.env, name);
    return path === undefined ? undefined : loadFile(path, ports.readFile);
  };
  return resolveConfig({
    flags: argv.flags,
    problems: argv.problems,
    env: ports.env,
    file: file("config"),
    providers: file("external-providers-config"),
    dynamic: file("dynamic-config-yaml") ?? file("dynamic-config-json"),
    checkFile(named, kind) {
      const text = readText(named, ports.readFile);
      return text.ok ? CHECKS[kind](text.text) : text.message;
    },
    checkPair(certPath, keyPath) {
      const [cert, key] = [certPath, keyPath].map((named) => readText(named, ports.readFile));
      if (!cert?.ok || !key?.ok) return undefined;
      return pairProblem({ cert: cert.text, key: key.text });
    },
  });
}

/** The file that the flag `name` or its variable names; undefined for none. */
export function namedFile(
  { flags }: Pick<ParsedArgv, "flags">,
  env: CliPorts["env"],
  name: string,
): string | undefined {
  const path = flags.get(name)?.at(-1) ?? env(envName(name));
  return path === "" ? undefined : path;
}

function loadFile(path: string, readFile: CliPorts["readFile"]): ConfigFile {
  const text = readText(path, readFile);
  if (!text.ok) return { ok: false, path, message: text.message };
  const parsed = parseConfigText(text.text);
  return parsed.ok
    ? { ok: true, path, content: parsed.value }
    : { ok: false, path, message: parsed.message };
}

/** What is wrong with the text of a file; undefined for nothing. */
const CHECKS: Readonly<Record<FileKind, (text: string) => string | undefined>> = {
  "authorities": (text) =>
    text.includes("-----BEGIN CERTIFICATE-----") ? undefined : "holds no PEM certificate",
  "certificate": certificateProblem,
  "private-key": privateKeyProblem,
  "api-keys": (text) => {
    const parsed = parseKeysFile(text);
    return parsed.ok ? undefined : parsed.problem;
  },
};

/** What a launcher lets the program read, after the words that it does not read this one. */
const LAUNCHER_READS = " for it; files that flags or variables name are allowed";

function readText(
  path: string,
  readFile: CliPorts["readFile"],
): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string } {
  try {
    return { ok: true, text: readFile(path) };
  } catch (error) {
    const text = fileErrorText(error);
    const advice = error instanceof Deno.errors.NotCapable ? LAUNCHER_READS : "";
    return { ok: false, message: `Cannot read the file: ${text}${advice}` };
  }
}
