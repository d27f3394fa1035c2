/** What engines are told of a request besides its body, attempt by attempt. @module */
import type { Random } from "../base/mod.ts";
import type { RankLeg } from "../config/mod.ts";
import type { HeaderField } from "../upstream/mod.ts";
import type { RequestContext } from "./context.ts";

const ID_FIELD = "x-request-id";
const RANK_FIELD = "x-data-parallel-rank";

/** Longest part of an engine's id for a request that is the client's, in characters. */
const MAX_PREFIX = 128;

/** Hex digits that make an id unique. */
const SUFFIX = 16;

/**
 * The circumstances of one attempt at a request: engines are given an id that no other attempt, of
 * this request or of another one, has. Older vLLM mixes requests up that share one. Both legs of an
 * attempt have it in common.
 */
export function attemptOf(context: RequestContext, random: Random): RequestContext {
  return { ...context, headers: withFreshId(context.headers, context.id, random) };
}

/** `fields` under an id of their own that begins as `id` does. */
export function withFreshId(
  fields: readonly HeaderField[],
  id: string,
  random: Random,
): readonly HeaderField[] {
  const fresh = without(fields, ID_FIELD);
  fresh.push([ID_FIELD, engineRequestId(id, random)]);
  return fresh;
}

/** The fields for one leg of a handoff, which a client's choice of a rank is meant for or not. */
export function legHeaders(
  { headers, rankLeg = "both" }: RequestContext,
  leg: Exclude<RankLeg, "both">,
): readonly HeaderField[] {
  return rankLeg === "both" || rankLeg === leg ? headers : without(headers, RANK_FIELD);
}

/** Whether a client names the rank that shall serve it. */
export function namesRank(headers: { get(name: string): string | undefined }): boolean {
  return headers.get(RANK_FIELD) !== undefined;
}

/** The client's own id, in characters that no engine, log or file name minds, and a part by chance. */
function engineRequestId(id: string, random: Random): string {
  const prefix = id.slice(0, MAX_PREFIX).replace(/[^\w.:-]/g, "_");
  return `${prefix}-${random.uuid().replaceAll("-", "").slice(-SUFFIX)}`;
}

function without(fields: readonly HeaderField[], name: string): HeaderField[] {
  const kept: HeaderField[] = [];
  for (const field of fields) {
    const other = field[0];
    if (other.length !== name.length || other.toLowerCase() !== name) kept.push(field);
  }
  return kept;
}
