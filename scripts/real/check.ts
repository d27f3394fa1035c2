/** Checks, what came of them, and the table of them. @module */

/** What came of one check. */
export type Outcome = "ok" | "limit" | "failed";

/** One row of the table. */
export interface Row {
  readonly group: string;
  readonly name: string;
  readonly outcome: Outcome;
  /** What was seen. */
  readonly evidence: string;
}

/** Thrown by a check when the engines themselves cannot do what it is about. */
export class EngineLimit extends Error {}

/** Runs checks one after the other and keeps their rows. */
export class Checks {
  readonly rows: Row[] = [];
  readonly #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** Run one check: it gives its evidence, or throws. */
  async run(group: string, name: string, check: () => Promise<string>): Promise<void> {
    const startedAt = performance.now();
    const { outcome, evidence } = await outcomeOf(check);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    this.#print(`${outcome.padEnd(6)} ${group}: ${name} (${seconds} s)\n       ${evidence}`);
    this.rows.push({ group, name, outcome, evidence });
  }

  /** Whether every row is ok, or a stated limit. */
  get passed(): boolean {
    return this.rows.length > 0 && this.rows.every(({ outcome }) => outcome !== "failed");
  }
}

/** Throw an error that says `text` unless `condition` holds. */
export function must(condition: boolean, text: string): asserts condition {
  if (!condition) throw new Error(text);
}

async function outcomeOf(
  check: () => Promise<string>,
): Promise<{ readonly outcome: Outcome; readonly evidence: string }> {
  try {
    return { outcome: "ok", evidence: await check() };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { outcome: error instanceof EngineLimit ? "limit" : "failed", evidence: text };
  }
}
