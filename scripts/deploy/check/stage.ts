/** What the groups of checks work with. @module */
import type { Checks } from "../../real/check.ts";
import type { Processes } from "../../real/process.ts";
import type { Helm } from "./helm.ts";

/** One run. */
export interface Stage {
  readonly checks: Checks;
  readonly processes: Processes;
  readonly helm: Helm;
  /** Of things that are built once. */
  readonly cache: string;
  /** Of this run alone. */
  readonly folder: string;
  /** Of logs, which stay. */
  readonly logs: string;
  /** Whether what is made of the chart is to be kept. */
  readonly save: boolean;
  readonly print: (line: string) => void;
}
