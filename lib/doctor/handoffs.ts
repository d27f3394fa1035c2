/** What canaries of all pairs came to. Pure. @module */
import type { CanaryNote } from "../flow/mod.ts";
import { skippedFor } from "./compare.ts";
import { type Finding, type Outcome, well } from "./finding.ts";

/** What came of trying pairs. */
export type PairTries =
  | { readonly kind: "tried"; readonly notes: readonly CanaryNote[]; readonly pairs: number }
  /** They were not all tried in time; `notes` of those that were. */
  | { readonly kind: "late"; readonly notes: readonly CanaryNote[]; readonly afterMs: number }
  /** Why none was tried. */
  | { readonly kind: "not-tried"; readonly why: string; readonly advice?: string };

/** What is said of each result that is not well, and what to do about it. */
const RESULTS: Readonly<
  Record<Exclude<CanaryNote["result"], "ok">, readonly [Outcome, said: string, advice?: string]>
> = {
  recomputed: [
    "failed",
    "the answer is right, but its prompt was computed twice: the KV did not come",
    "compare PYTHONHASHSEED, chunk_size, skip_last_n_tokens (1) and block sizes of both",
  ],
  mismatch: [
    "failed",
    "the answer is not the decode engine's own: its KV is another prompt's, or damaged",
    "compare models, dtypes and versions of both engines, and take the pair out of service until then",
  ],
  failed: ["failed", "there is no answer by this pair"],
  skipped: [
    "skipped",
    "it could not be tried: an engine is gone around, has a context below 274 tokens, or no /tokenize",
  ],
};

/** What is to be said of each pair. */
export function handoffFindings(tries: PairTries): readonly Finding[] {
  switch (tries.kind) {
    case "not-tried":
      return [{ ...skippedFor("handoffs", tries.why), advice: tries.advice }];
    case "late":
      return [...tries.notes.map(noteFinding), {
        check: "handoffs",
        outcome: "failed",
        subject: "",
        said: `the other pairs were not tried within ${tries.afterMs / 1000} s`,
        advice: "give --handoff-timeout more, where engines are slow; else look at their logs",
      }];
    case "tried":
      return triedFindings(tries.notes, tries.pairs);
    default:
      return tries satisfies never;
  }
}

function triedFindings(notes: readonly CanaryNote[], pairs: number): readonly Finding[] {
  if (pairs === 0) {
    return [{
      check: "handoffs",
      outcome: "failed",
      subject: "",
      said: "there is no pair of engines that answer and that KV can get through between",
      advice: "see engines, models and properties above",
    }];
  }
  const found = notes.map(noteFinding);
  if (notes.length >= pairs) return found;
  return [...found, skippedFor("handoffs", `${pairs - notes.length} further pairs were not tried`)];
}

function noteFinding({ prefill, decode, result, tookMs, came, error }: CanaryNote): Finding {
  const subject = `${prefill.url} -> ${decode.url}`;
  if (result === "ok") {
    const took = `with and without a handoff it took ${Math.ceil(tookMs)} ms`;
    if (came) {
      return well("handoffs", subject, `the KV was found, and the answer is right; ${took}`);
    }
    return {
      check: "handoffs",
      outcome: "warning",
      subject,
      said:
        `the answer is right, but the decode engine does not tell whether it found the KV; ${took}`,
      advice:
        "start it with --enable-prompt-tokens-details; others' requests hide it from its metrics",
    };
  }
  const [outcome, said, advice] = RESULTS[result];
  return {
    check: "handoffs",
    outcome,
    subject,
    said: error === undefined ? said : `${said}: ${error}`,
    ...(advice === undefined ? {} : { advice }),
  };
}
