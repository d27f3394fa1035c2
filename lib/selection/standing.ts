/** What speaks against candidates for one request, and who is left by it. @module */
import { type Candidate, GOOD } from "./candidate.ts";
import type { Candidates } from "./policy.ts";
import { hasRoom, isTooSmall } from "./room.ts";

/** An engine that a further attempt at one request goes around. */
export interface Exclude {
  readonly id: string;
  /**
   * `failed`: it failed at this request, so that an attempt on such engines alone would be the same
   * again. `tainted`: not at fault, but better gone around. `spoilt`: it may hold pages of this prompt
   * which nobody has written, and must not serve.
   */
  readonly why: "failed" | "tainted" | "spoilt";
}

/** How much speaks against an engine that is shut for a while. */
const SHUT = 1;

/** How much against one that gives no answer at all: more than against two that may give one. */
const SILENT = 3;

/** How much against an excluded one: more than against two that are silent. */
export const EXCLUDED = 7;

/** How much against one that must not serve. */
export const NEVER = Infinity;

/** Tokens of the prompt whose KV is handed over, 0 for none; undefined where room is not looked at. */
export type Tokens = number | undefined;

/** How much more speaks against engines, by id, than their verdicts; undefined for none. */
export type Marks = ReadonlyMap<string, number> | undefined;

/** Those of a list against whom least speaks, in its order, and how much that is. */
export interface Best {
  /** Those of them that have room, where any has. */
  readonly list: Candidates;
  /** Less than `NEVER`. */
  readonly against: number;
  /** How many of them have room; absent where all have. */
  readonly roomy?: number;
}

/** What one request has against engines. */
export function marksOf(exclude: readonly Exclude[] | undefined): Marks {
  if (exclude === undefined || exclude.length === 0) return undefined;
  const marks = new Map<string, number>();
  for (const { id, why } of exclude) {
    marks.set(id, Math.max(marks.get(id) ?? 0, why === "spoilt" ? NEVER : EXCLUDED));
  }
  return marks;
}

function markOf({ engine }: Candidate, marks: Marks): number {
  return marks === undefined ? 0 : marks.get(engine.id) ?? 0;
}

/** How much speaks against a candidate, 0 for nothing. */
function standing(candidate: Candidate, marks: Marks, tokens: Tokens): number {
  const { verdict, load } = candidate;
  if (verdict.kind === "leaving") return NEVER;
  if (tokens !== undefined && tokens > 0 && isTooSmall(load, tokens)) return NEVER;
  const marked = markOf(candidate, marks);
  if (verdict.kind !== "shut") return marked;
  return marked + (verdict.untilMs === undefined ? SILENT : SHUT);
}

/**
 * The best of `from`, the same list where all are alike; undefined when none can serve. Want of room
 * speaks against nobody: where the best have none, it is for the request to wait. `share` as in `Roomy`.
 */
export function bestOf(
  from: readonly Candidate[],
  marks: Marks,
  tokens?: Tokens,
  share?: number,
): Best | undefined {
  let least = NEVER;
  const plain = tokens === undefined || tokens === 0;
  // Both absent while all are alike: the usual case copies nothing.
  let best: Candidate[] | undefined;
  let roomy: Candidate[] | undefined;
  for (let at = 0; at < from.length; at++) {
    const candidate = from[at];
    if (candidate === undefined) continue;
    const { verdict } = candidate;
    // The usual case, of all engines at each choice.
    const against = verdict === GOOD && plain
      ? markOf(candidate, marks)
      : standing(candidate, marks, tokens);
    if (against > least) {
      best ??= from.slice(0, at);
      continue;
    }
    const takes = tokens === undefined || takesOne(candidate, tokens, share);
    if (against < least) {
      least = against;
      best = at === 0 ? undefined : [candidate];
      roomy = takes ? undefined : [];
      continue;
    }
    if (roomy === undefined && !takes) roomy = best?.slice() ?? from.slice(0, at);
    else if (takes) roomy?.push(candidate);
    best?.push(candidate);
  }
  const list = best ?? from;
  if (least === NEVER || !isSome(list)) return undefined;
  if (roomy === undefined) return { list, against: least };
  return { list: isSome(roomy) ? roomy : list, against: least, roomy: roomy.length };
}

/** Whether it has room; `share` is of the seats of those that take legs of handoffs besides. */
function takesOne({ engine, load }: Candidate, tokens: number, share: number | undefined): boolean {
  return hasRoom(load, tokens, engine.role === "decode" ? share : undefined);
}

/** Whether some of the best have room. */
export function isRoomy({ roomy }: Best): boolean {
  return roomy !== 0;
}

/** Whether there is a candidate, as policies must have one. */
export function isSome(list: readonly Candidate[]): list is Candidates {
  return list.length > 0;
}
