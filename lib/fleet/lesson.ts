/** What one flight says of its engine, and of the pair it served. Pure. @module */
import type { ErrorCode } from "../base/mod.ts";
import type { Lesson } from "./breaker.ts";
import type { Leg, Outcome } from "./flight.ts";

/** What a flight says. */
export interface Lessons {
  readonly engine: Lesson;
  /** Of the engine and its peer together; "nothing" where it has none. */
  readonly pair: Lesson;
}

const NOTHING: Lessons = { engine: "nothing", pair: "nothing" };
const ENGINE_FAILED: Lessons = { engine: "failed", pair: "nothing" };

/** What a flight that went well says: neither ids nor a prefill show that the rest does. */
const WELL: Readonly<Record<Leg, Lessons>> = {
  tokenize: { engine: "halfway", pair: "nothing" },
  prefill: { engine: "ok", pair: "halfway" },
  decode: { engine: "ok", pair: "ok" },
  direct: { engine: "ok", pair: "nothing" },
  // The router's own: two have verdicts of their own, the third is about a request that is over.
  models: NOTHING,
  check: NOTHING,
  reclaim: NOTHING,
};

/** What failures say, by the code of their cause. What stands not here says nothing of engines. */
const BLAME: Readonly<Partial<Record<ErrorCode, Lessons>>> = {
  "upstream-unreachable": { engine: "grave", pair: "nothing" },
  "upstream-lost": ENGINE_FAILED,
  "upstream-timeout": ENGINE_FAILED,
  "upstream-protocol": ENGINE_FAILED,
  "tokenize-failed": ENGINE_FAILED,
  "prefill-failed": ENGINE_FAILED,
  "decode-failed": { engine: "failed", pair: "failed" },
  // Both engines may be well: what failed is the way between them.
  "kv-timeout": { engine: "nothing", pair: "failed" },
};

/** What `outcome` says; `root` is the code of the innermost cause of its failure. */
export function lessonsOf(outcome: Outcome, root: ErrorCode | undefined = outcome.code): Lessons {
  const { leg, peer, end, status = 200 } = outcome;
  if (WELL[leg] === NOTHING || end === "left" || isNobodysFault(status)) return NOTHING;
  const told = end === "ok"
    // The client gets an engine's own words as they are.
    ? status < 500 ? WELL[leg] : ENGINE_FAILED
    : BLAME[root ?? "internal"] ?? NOTHING;
  const tellsOfPair = peer !== undefined && (leg === "decode" || told.pair === "halfway");
  return tellsOfPair ? told : { ...told, pair: "nothing" };
}

/** A refusal is the request's own fault, want of room passes, and not every engine can do all. */
function isNobodysFault(status: number): boolean {
  return (status >= 400 && status < 500) || status === 501 || status === 503;
}
