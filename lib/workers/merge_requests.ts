/** What workers tell of requests, as one. Pure. @module */
import { type AskedEverywhere, MOST_ALIKE, USUAL_LISTED } from "../admin/mod.ts";
import type { Row } from "./merge_engines.ts";

/** A list of requests, as a worker tells it. */
interface Listed extends Row {
  readonly requests: readonly Row[];
}

/** How many of them each has. */
const SUMS = ["under_way", "kept", "capacity"] as const;

/** Whether `value` is a list of requests. */
export function isListed(value: Row): value is Listed {
  return Array.isArray(value["requests"]);
}

/**
 * The requests of both, the one that came last first, and no more than were asked for. An id may be the
 * number of one and the name of another: as in one router, what it names comes first.
 */
export function mergedRequests(
  first: Listed,
  other: Listed,
  { operation, id, query }: Pick<AskedEverywhere, "operation" | "id" | "query">,
): Row {
  const all = [...first.requests, ...other.requests].sort((one, next) => seqOf(next) - seqOf(one));
  const isList = operation === "listRequests";
  const most = isList ? Number(new Map(query).get("limit") ?? USUAL_LISTED) : MOST_ALIKE;
  const found = isList ? all : bestOf(all, id);
  const sums = SUMS.flatMap((name) =>
    name in first ? [[name, Number(first[name]) + Number(other[name] ?? 0)] as const] : []
  );
  return { ...first, requests: found.slice(0, most), ...Object.fromEntries(sums) };
}

function bestOf(all: readonly Row[], id: string): readonly Row[] {
  const [named, numbered] = [
    all.filter((row) => row["id"] === id),
    all.filter((row) => String(row["seq"]) === id),
  ];
  return [named, numbered].find(({ length }) => length > 0) ?? all;
}

function seqOf(row: Row): number {
  return Number(row["seq"]);
}
