/** What workers tell of the engines, as one. Pure. @module */
import { jsonOf } from "../base/mod.ts";
import { encodeJson } from "./codec.ts";
import type { ToldAnswer } from "./told.ts";

/** One engine, as a worker tells of it. */
export type Row = Readonly<Record<string, unknown>>;

/** What all workers have under way, as each has heard of the others. */
const GREATEST: ReadonlySet<string> = new Set(["inflight", "kv_bytes"]);

/** What is left beside that. */
const LEAST: ReadonlySet<string> = new Set(["room", "kv_room"]);

/** What speaks against an engine: any worker's is told. */
const AGAINST: readonly string[] = ["verdict", "why"];

/**
 * The rows of `/engines`: one for each engine, as the first worker has them. Workers tell one another what
 * they have under way: who knows of the most knows best.
 */
export function mergedEngines(answers: readonly ToldAnswer[]): ToldAnswer {
  const rows = new Map<unknown, Row>();
  for (const { body } of answers) {
    const told = jsonOf(body);
    for (const row of Array.isArray(told) ? told : []) {
      const known = rows.get(row.engine_id);
      rows.set(row.engine_id, known === undefined ? row : mergedRow(known, row));
    }
  }
  return {
    status: 200,
    contentType: answers[0]?.contentType ?? "application/json",
    body: encodeJson([...rows.values()]),
  };
}

/** `first` with what `other` adds to it. */
export function mergedRow(first: Row, other: Row): Row {
  const merged: Record<string, unknown> = { ...first };
  for (const [name, value] of Object.entries(other)) {
    const known = merged[name];
    if (typeof known === "number" && typeof value === "number") {
      if (GREATEST.has(name)) merged[name] = Math.max(known, value);
      else if (LEAST.has(name)) merged[name] = Math.min(known, value);
    } else if (known === undefined && !AGAINST.includes(name)) merged[name] = value;
    else if (isEmpty(known) && !isEmpty(value)) merged[name] = value;
  }
  // A verdict goes with its reason.
  if (merged["verdict"] === undefined) {
    for (const name of AGAINST) if (other[name] !== undefined) merged[name] = other[name];
  }
  return merged;
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
