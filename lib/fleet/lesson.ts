/** What one flight says of its engine, and of the pair it served. Pure. @module */
import type { ErrorCode } from "../base/mod.ts";
import type { Outcome } from "./flight.ts";

/** `grave`: it is not there, whatever it did before. */
export type Lesson = "ok" | "failed" | "grave" | "nothing";

/** What a flight says. */
export interface Lessons {
  readonly engine: Lesson;
  /** Of the engine and its peer together. */
  readonly pair: Lesson;
}

/** By the code of a failure. What names nobody says nothing of engines. */
const BLAME: Partial<Readonly<Record<ErrorCode, Lessons>>> = {
  "upstream-unreachable": { engine: "grave", pair: "nothing" },
  "upstream-lost": { engine: "failed", pair: "nothing" },
  "upstream-timeout": { engine: "failed", pair: "nothing" },
  "upstream-protocol": { engine: "failed", pair: "nothing" },
  "tokenize-failed": { engine: "failed", pair: "nothing" },
  "prefill-failed": { engine: "failed", pair: "nothing" },
  "decode-failed": { engine: "failed", pair: "failed" },
  // Both engines may be well: what failed is the way between them.
  "kv-timeout": { engine: "nothing", pair: "failed" },
};

const NOTHING: Lessons = { engine: "nothing", pair: "nothing" };

/** What `outcome` says. */
export function lessonsOf({ leg, peer, end, code, status = 200 }: Outcome): Lessons {
  if (leg === "reclaim" || leg === "check" || end === "left") return NOTHING;
  // A refusal is the request's own fault, and want of room passes.
  if (end === "failed" && (isClientError(status) || status === 503)) return NOTHING;
  const told = end === "ok" ? OK : BLAME[code ?? "internal"] ?? NOTHING;
  // A prefill alone does not show that KV gets through.
  const tellsOfPair = peer !== undefined && (leg === "decode" || told.pair !== "ok");
  return tellsOfPair ? told : { ...told, pair: "nothing" };
}

const OK: Lessons = { engine: "ok", pair: "ok" };

function isClientError(status: number): boolean {
  return status >= 400 && status < 500;
}
