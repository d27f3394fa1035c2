/** Command lines of what asks a router's admin API: flags that they have in common, and how they are read. @module */
import { fileErrorText, RouterError } from "../base/mod.ts";
import { type Problem, USUAL_ADMIN, withSuggestion } from "../config/mod.ts";
import { parseWithOperands } from "./argv.ts";
import { AdminClient } from "./engines_client.ts";
import { adminUrlProblems, KEY_VARIABLE } from "./engines_flags.ts";
import type { HelpFlag } from "./help.ts";
import type { CliPorts } from "./ports.ts";

/** Flags of all of them. */
export const ADMIN_LINE_FLAGS: readonly HelpFlag[] = [
  {
    name: "admin",
    placeholder: "URL",
    text: "Where the router's admin API is",
    choices: "",
    byDefault: `http://${USUAL_ADMIN}`,
  },
  {
    name: "tls-ca",
    placeholder: "FILE",
    text: "Certificates to be trusted beside the usual ones, for https",
    choices: "",
    byDefault: "",
  },
];

/** What a command line says. */
export interface AdminLine {
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly operands: readonly string[];
}

/** A command line; or what is to be said instead. */
export type ReadAdminLine =
  | { readonly kind: "ask"; readonly line: AdminLine }
  | { readonly kind: "help" | "version" }
  | { readonly kind: "wrong"; readonly problems: readonly Problem[] };

/** Take `argv` apart, which has `known` flags beside those that all have, and operands as `wants` says. */
export function readAdminLine(
  argv: readonly string[],
  known: readonly HelpFlag[],
  wants: readonly string[],
): ReadAdminLine {
  const all = [...ADMIN_LINE_FLAGS, ...known];
  const { operands, parsed } = parseWithOperands(all, argv);
  if (parsed.help || parsed.version) return { kind: parsed.help ? "help" : "version" };
  const names = all.map(({ name }) => name);
  const problems: Problem[] = [
    ...parsed.problems,
    ...[...parsed.flags.keys()].filter((name) => !names.includes(name)).map((name) => ({
      key: `--${name}`,
      message: withSuggestion("unknown flag", name, names, "--"),
    })),
    ...wants.slice(operands.length).map((what) => ({ key: what, message: "is missing" })),
    ...operands.slice(wants.length).map((key) => ({ key, message: "unexpected argument" })),
  ];
  problems.push(...adminUrlProblems(parsed.flags));
  return problems.length > 0
    ? { kind: "wrong", problems }
    : { kind: "ask", line: { flags: parsed.flags, operands } };
}

/** Where the API is that `line` says. */
export function adminUrl({ flags }: AdminLine): string {
  return (flags.get("admin")?.at(-1) ?? `http://${USUAL_ADMIN}`).replace(/\/$/, "");
}

/** A client of the API that `line` says. Throws `RouterError` where its file cannot be read. */
export function adminClient(
  line: AdminLine,
  { clock, env, readFile }: Pick<CliPorts, "clock" | "env" | "readFile">,
): AdminClient {
  const ca = line.flags.get("tls-ca")?.at(-1);
  return new AdminClient({
    clock,
    url: adminUrl(line),
    // The router's own variable may hold several.
    key: env(KEY_VARIABLE)?.trim().split(/\s+/)[0] || undefined,
    caCerts: ca === undefined ? [] : [textOf(ca, readFile)],
  });
}

function textOf(file: string, readFile: CliPorts["readFile"]): string {
  try {
    return readFile(file);
  } catch (error) {
    throw new RouterError("bad-request", `Cannot read ${file}: ${fileErrorText(error)}`);
  }
}
