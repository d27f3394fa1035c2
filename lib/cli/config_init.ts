/** `pd-router config init`: a commented configuration file, from flags or from answers. @module */
import { FLAGS, type Problem } from "../config/mod.ts";
import { parseArgv, type ParsedArgv } from "./argv.ts";
import { configText } from "./config_text.ts";
import { paragraph } from "./columns.ts";
import { loadConfig } from "./load.ts";
import type { CliPorts } from "./ports.ts";
import { refuse } from "./report.ts";
import { VERSION_LINE } from "./version.ts";

/** Help of `pd-router config`. */
export function configHelp(): string {
  return [
    "Usage:\n  pd-router config init [flags of pd-router] > pd.yaml",
    paragraph(
      "Writes a configuration file to standard output: what the flags and the environment say is in " +
        "force, and every other key stands there as a comment, with what holds without it. Without " +
        "flags, on a terminal, it asks for what a router needs. Secrets are not written.",
    ),
  ].join("\n\n");
}

/** A question, and the flags that its answer is given to. */
interface Question {
  readonly text: string;
  /** Asked only where this is true of the answers so far. */
  readonly when?: (flags: ReadonlyMap<string, readonly string[]>) => boolean;
  /** Flags that an answer stands for; an empty one for none. */
  readonly take: (answer: string) => readonly (readonly [name: string, value: string])[];
}

const words = (answer: string): readonly string[] =>
  answer.split(/[\s,]+/).filter((word) => word !== "");
const one = (name: string) => (answer: string): readonly (readonly [string, string])[] =>
  answer === "" ? [] : [[name, answer]];

const handsOver: Question["when"] = (flags) => flags.has("prefill");
const lmcache: Question["when"] = (flags) =>
  flags.has("prefill") && (flags.get("kv-protocol")?.[0] ?? "lmcache") === "lmcache";

const QUESTIONS: readonly Question[] = [
  {
    text: "URLs of prefill engines, with spaces between; nothing for a fleet without handoffs:",
    take: (answer) => words(answer).map((url) => ["prefill", url]),
  },
  {
    text: "URLs of decode engines:",
    when: handsOver,
    take: (answer) => words(answer).map((url) => ["decode", url]),
  },
  {
    text: "How KV moves, lmcache, nixl or shared_storage (lmcache):",
    when: handsOver,
    take: one("kv-protocol"),
  },
  {
    text: "Port that LMCache notifies this router at, its pd_proxy_port (7500):",
    when: lmcache,
    take: one("nixl-proxy-port"),
  },
  {
    text: "LMCache's pd_peer_init_port of decode engines, one for each rank, with commas (7300):",
    when: lmcache,
    take: one("nixl-peer-init-port"),
  },
  {
    text: "Their pd_peer_alloc_port, likewise (7400):",
    when: lmcache,
    take: one("nixl-peer-alloc-port"),
  },
  {
    text: "URLs of engines, with commas between:",
    when: (flags) => !flags.has("prefill"),
    take: (answer) =>
      answer === "" ? [] : [
        ["service-discovery", "static"],
        ["routing-logic", "roundrobin"],
        ["static-backends", words(answer).join(",")],
      ],
  },
  {
    text: "Their models in the same order, with commas between:",
    when: (flags) => flags.has("static-backends"),
    take: one("static-models"),
  },
  { text: "Port for clients (8001):", take: one("port") },
];

/** Run the command; resolves to the exit code: 2 where what was given cannot be a configuration. */
export async function runConfig(argv: readonly string[], ports: CliPorts): Promise<number> {
  const [verb = "", ...rest] = argv;
  const { out } = ports.stdio;
  const parsed = parseArgv(FLAGS, verb === "init" ? rest : argv);
  if (parsed.help || parsed.version) {
    await out.print(parsed.help ? configHelp() : VERSION_LINE);
    return 0;
  }
  const help = "pd-router help config";
  if (verb !== "init") {
    const message = verb === ""
      ? "expected init"
      : "unknown command of pd-router config: it has init";
    return await refuse([{ key: verb || "config", message }], ports, help);
  }
  const asked = rest.length === 0 && ports.ask !== undefined
    ? await answers(ports.ask)
    : { flags: parsed.flags, problems: [] };
  const given: ParsedArgv = {
    ...parsed,
    flags: asked.flags,
    problems: [...parsed.problems, ...asked.problems],
  };
  const result = loadConfig(given, ports);
  if (!result.ok) return await refuse(result.problems, ports, help);
  await out.print(configText(result));
  return 0;
}

type Ask = NonNullable<CliPorts["ask"]>;

/** What somebody answers, as flags. */
async function answers(
  ask: Ask,
): Promise<
  { readonly flags: ReadonlyMap<string, readonly string[]>; readonly problems: readonly Problem[] }
> {
  const flags = new Map<string, string[]>();
  for (const { text, when, take } of QUESTIONS) {
    if (when?.(flags) === false) continue;
    const answer = await ask(text);
    if (answer === undefined) {
      return {
        flags,
        problems: [{ key: "config init", message: "the input has ended before all was asked" }],
      };
    }
    for (const [name, value] of take(answer.trim())) {
      flags.set(name, [...flags.get(name) ?? [], value]);
    }
  }
  return { flags, problems: [] };
}
