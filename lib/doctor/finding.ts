/** What looking at a router's surroundings comes to. Pure. @module */

/** What is looked at, in this order. */
export const CHECKS = [
  "configuration",
  "descriptors",
  "notifications",
  "cluster",
  "engines",
  "clocks",
  "models",
  "versions",
  "properties",
  "tokenizers",
  "connectors",
  "nixl-ports",
  "handoffs",
] as const;

/** The name of a check. */
export type CheckName = (typeof CHECKS)[number];

/** How a check came out, the worst last. */
export const OUTCOMES = ["ok", "skipped", "warning", "failed"] as const;

/**
 * `warning`: it serves, and something will hurt. `failed`: something does not work. `skipped`: it could
 * not be looked at, and `said` tells why.
 */
export type Outcome = (typeof OUTCOMES)[number];

/** One thing that was found out. */
export interface Finding {
  readonly check: CheckName;
  readonly outcome: Outcome;
  /** What it is about: an engine's URL, a pair, a model; empty for the router itself. */
  readonly subject: string;
  /** What holds, in one sentence without a full stop. */
  readonly said: string;
  /** What to do about it, likewise; absent where there is nothing to do. */
  readonly advice?: string | undefined;
}

/** A finding that all is well. */
export function well(check: CheckName, subject: string, said: string): Finding {
  return { check, outcome: "ok", subject, said };
}

/** The worst of `findings`; `ok` where there is none. */
export function worstOf(findings: readonly Finding[]): Outcome {
  return OUTCOMES.findLast((outcome) => findings.some((found) => found.outcome === outcome)) ??
    "ok";
}
