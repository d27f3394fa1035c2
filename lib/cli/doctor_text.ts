/** Findings as text for a terminal. Pure. @module */
import { type CheckName, type Finding, OUTCOMES } from "../doctor/mod.ts";
import { paragraph } from "./columns.ts";

/** What stands before a finding. */
const MARKS: Readonly<Record<Finding["outcome"], string>> = {
  ok: "ok      ",
  skipped: "skipped ",
  warning: "WARNING ",
  failed: "FAILED  ",
};

/** Columns before what is said. */
const INDENT = " ".repeat(10);

/** What checks are about, as a heading. */
const HEADS: Readonly<Record<CheckName, string>> = {
  configuration: "Configuration",
  descriptors: "File descriptors",
  notifications: "Socket for KV-ready notifications",
  cluster: "Where replicas meet",
  engines: "Engines",
  clocks: "Clocks",
  models: "Models",
  versions: "Versions",
  properties: "What KV depends on",
  tokenizers: "Tokenizers",
  connectors: "KV connectors",
  "nixl-ports": "NIXL ports of LMCache",
  handoffs: "Handoffs, one by each pair",
};

/** The heading of a check. */
export function headOf(check: CheckName): string {
  return HEADS[check];
}

/** One finding, and what to do about it. */
export function findingText({ outcome, subject, said, advice }: Finding): string {
  const text = subject === "" ? said : `${subject}: ${said}`;
  const first = paragraph(text, INDENT).slice(INDENT.length);
  const lines = [`  ${MARKS[outcome]}${first}`];
  if (advice !== undefined) lines.push(paragraph(`-> ${advice}`, INDENT));
  return lines.join("\n");
}

/** How many came out how, in one line. */
export function summaryText(findings: readonly Finding[]): string {
  const counts = OUTCOMES.map((outcome) => {
    const count = findings.filter((found) => found.outcome === outcome).length;
    return `${count} ${outcome === "warning" && count !== 1 ? "warnings" : outcome}`;
  });
  return counts.join(", ");
}
