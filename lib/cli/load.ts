/** A configuration from the command line, the environment and the file they name. @module */
import {
  type ConfigFile,
  type ConfigResult,
  envName,
  parseConfigText,
  resolveConfig,
} from "../config/mod.ts";
import type { ParsedArgv } from "./argv.ts";
import type { CliPorts } from "./ports.ts";

/** Resolve what `argv`, the environment and the configuration file say. */
export function loadConfig(
  argv: ParsedArgv,
  ports: Pick<CliPorts, "env" | "readFile">,
): ConfigResult {
  const path = argv.flags.get("config")?.at(-1) ?? ports.env(envName("config"));
  return resolveConfig({
    flags: argv.flags,
    problems: argv.problems,
    env: ports.env,
    file: path === undefined || path === "" ? undefined : loadFile(path, ports.readFile),
    checkFile: (named) => certificateProblem(named, ports.readFile),
  });
}

function loadFile(path: string, readFile: CliPorts["readFile"]): ConfigFile {
  const text = readText(path, readFile);
  if (!text.ok) return { ok: false, path, message: text.message };
  const parsed = parseConfigText(text.text);
  return parsed.ok
    ? { ok: true, path, content: parsed.value }
    : { ok: false, path, message: parsed.message };
}

function certificateProblem(path: string, readFile: CliPorts["readFile"]): string | undefined {
  const text = readText(path, readFile);
  if (!text.ok) return text.message;
  return text.text.includes("-----BEGIN CERTIFICATE-----") ? undefined : "holds no PEM certificate";
}

function readText(
  path: string,
  readFile: CliPorts["readFile"],
): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string } {
  try {
    return { ok: true, text: readFile(path) };
  } catch (error) {
    return { ok: false, message: `Cannot read the file: ${fileError(error)}` };
  }
}

function fileError(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is none";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.NotCapable) {
    return "the program was started without --allow-read for it; files that flags or variables " +
      "name are allowed";
  }
  if (error instanceof Deno.errors.IsADirectory) return "it is a directory";
  return error instanceof Error ? error.message : String(error);
}
