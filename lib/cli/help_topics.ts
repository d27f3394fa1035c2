/** `pd-router help`: one text for each topic. @module */
import { withSuggestion } from "../config/mod.ts";
import { doctorHelp } from "./doctor.ts";
import { enginesHelp } from "./engines_flags.ts";
import { explainHelp } from "./explain.ts";
import { routerHelp, type Topic, TOPICS } from "./help.ts";
import { flagTable, metricTable } from "./help_tables.ts";
import type { CliPorts } from "./ports.ts";
import { refuse } from "./report.ts";
import { topHelp } from "./top.ts";
import { traceHelp } from "./trace.ts";

const TEXTS: Readonly<Record<Topic, () => string | Promise<string>>> = {
  check: routerHelp,
  // The simulator alone needs the native ZeroMQ addon: help does without.
  demo: async () => (await import("./demo.ts")).demoHelp(),
  doctor: doctorHelp,
  engines: enginesHelp,
  explain: explainHelp,
  flags: flagTable,
  metrics: metricTable,
  sim: async () => (await import("./sim.ts")).simHelp(),
  top: topHelp,
  trace: traceHelp,
};

const NAMES = TOPICS.map(([name]) => name);

/** What asks for the text of `pd-router help` itself, as a topic. */
const ITSELF = ["", "help", "--help", "-h"];

/** Print the help that `words` ask for; resolves to the exit code: 2 for no such topic. */
export async function runHelp(words: readonly string[], ports: CliPorts): Promise<number> {
  const [word = "", stray] = words;
  const topic = NAMES.find((name) => name === word);
  if (topic === undefined && !ITSELF.includes(word)) {
    const message = withSuggestion("unknown topic", word, NAMES);
    return await refuse([{ key: word, message }], ports, "pd-router help");
  }
  if (stray !== undefined && !ITSELF.includes(stray)) {
    const message = "unexpected argument; help takes one topic";
    return await refuse([{ key: stray, message }], ports, "pd-router help");
  }
  await ports.stdio.out.print(topic === undefined ? routerHelp() : await TEXTS[topic]());
  return 0;
}
