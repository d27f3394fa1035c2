/** `pd-router trace`: where the time of one request went, by a running router's admin API. @module */
import { describeError, recordOf, RouterError } from "../base/mod.ts";
import type { RequestDetail } from "../observe/mod.ts";
import { ADMIN_LINE_FLAGS, adminClient, type AdminLine, readAdminLine } from "./admin_line.ts";
import { KEY_VARIABLE } from "./engines_flags.ts";
import { commandHelp, type HelpFlag } from "./help.ts";
import type { CliPorts } from "./ports.ts";
import { refuse } from "./report.ts";
import { traceText } from "./trace_text.ts";
import { VERSION_LINE } from "./version.ts";

const FLAGS: readonly HelpFlag[] = [
  {
    name: "json",
    placeholder: "",
    text: "Print what the API answers",
    choices: "",
    byDefault: "",
  },
];

/** Help of `pd-router trace`. */
export function traceHelp(): string {
  return [
    commandHelp("pd-router trace REQUEST_ID [flags]", [
      { title: "Flags", flags: [...ADMIN_LINE_FLAGS, ...FLAGS] },
    ]),
    "REQUEST_ID is the X-Request-Id of the answer, the id in an engine's log, or a\n" +
    "number of /admin/requests.",
    `Environment:\n  ${KEY_VARIABLE}  the key, where the API asks for one`,
    "Exit codes: 0 found, 1 not known or not reached, 2 wrong command line.",
  ].join("\n\n");
}

/** Run the command; resolves to the exit code, as its help tells. */
export async function runTrace(argv: readonly string[], ports: CliPorts): Promise<number> {
  const read = readAdminLine(argv, FLAGS, ["REQUEST_ID"]);
  switch (read.kind) {
    case "help":
    case "version":
      await ports.stdio.out.print(read.kind === "help" ? traceHelp() : VERSION_LINE);
      return 0;
    case "wrong":
      return await refuse(read.problems, ports, "pd-router help trace");
    case "ask":
      return await show(read.line, ports);
    default:
      return read satisfies never;
  }
}

async function show(line: AdminLine, ports: CliPorts): Promise<number> {
  const [id = ""] = line.operands;
  try {
    using client = adminClient(line, ports);
    const answer = await client.ask("GET", `/admin/requests/${encodeURIComponent(id)}`);
    const { requests } = recordOf(answer) ?? {};
    const told = (Array.isArray(requests) ? requests : []) as readonly RequestDetail[];
    const text = line.flags.has("json")
      ? JSON.stringify(answer)
      : told.map((request) => traceText(request).join("\n")).join("\n\n");
    await ports.stdio.out.print(text);
    return 0;
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    await ports.stdio.err.print(`pd-router: ${describeError(error)}`);
    return 1;
  }
}
