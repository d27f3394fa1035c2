/** Feature gates of the production-stack router: what each would turn on, and what becomes of it. @module */
import type { Problem } from "./problem.ts";

/** The variable of gates, which the flag overrides gate by gate. */
export const GATES_VARIABLE = "VLLM_FEATURE_GATES";

/** What becomes of a gate that is on. */
interface Gate {
  /** `refused`: a start without it would do what the operator believes cannot happen. */
  readonly how: "refused" | "ignored";
  readonly why: string;
}

const PII: Gate = {
  how: "refused",
  why: "requests are not searched for personal data here, and would reach the engines as they " +
    "are: put a filter in front, or refuse them in --callbacks; then turn the gate off",
};

const GATES: Readonly<Record<string, Gate>> = {
  SemanticCache: {
    how: "ignored",
    why: "there is no semantic cache: every request is answered by an engine",
  },
  PIIDetection: PII,
  // Its name in that router's documents.
  PII,
};

/** What gates say. */
export interface GatesRead {
  readonly problems: readonly Problem[];
  /** For the log: gates that are on and do nothing. */
  readonly notes: readonly string[];
}

/** One text of gates, and the name it was given under. */
export interface GatesText {
  readonly where: string;
  readonly text: string;
}

/**
 * Read `Name=true,Name=false`; of gates that are named again the last counts. Names that nobody knows are
 * noted: the production-stack router ignores them silently.
 */
export function readGates(texts: readonly GatesText[]): GatesRead {
  const problems: Problem[] = [];
  const on = new Map<string, string>();
  for (const { where, text } of texts) {
    for (const item of text.split(",").map((part) => part.trim())) {
      if (item === "") continue;
      const [, name = "", word = ""] = /^([^=]+?)\s*=\s*(true|false)$/i.exec(item) ?? [];
      if (name === "") {
        problems.push({ key: where, value: item, message: "expected NAME=true or NAME=false" });
      } else if (word.toLowerCase() === "true") {
        on.set(name, where);
      } else {
        on.delete(name);
      }
    }
  }
  const notes: string[] = [];
  for (const [name, where] of on) {
    const gate = Object.hasOwn(GATES, name) ? GATES[name] : undefined;
    if (gate?.how === "refused") {
      problems.push({ key: where, value: `${name}=true`, message: gate.why });
    } else {
      const why = gate?.why ?? `no such gate is known; known are ${Object.keys(GATES).join(", ")}`;
      notes.push(`${where} ${name}=true has no effect: ${why}`);
    }
  }
  return { problems, notes };
}
