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

/** How much speaks against a candidate, 0 for nothing. */
function standing({ engine, verdict, load }: Candidate, marks: Marks, tokens: Tokens): number {
  if (verdict.kind === "leaving") return NEVER;
  if (tokens !== undefined && tokens > 0 && isTooSmall(load, tokens)) return NEVER;
  const marked = marks === undefined ? 0 : marks.get(engine.id) ?? 0;
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
  let crowded = false;
  const plain = marks === undefined && (tokens === undefined || tokens === 0);
  // Absent while all are alike: the usual case copies nothing.
  let best: Candidate[] | undefined;
  for (let at = 0; at < from.length; at++) {
    const candidate = from[at];
    if (candidate === undefined) continue;
    // The usual case, of all engines at each choice.
    const against = candidate.verdict === GOOD && plain ? 0 : standing(candidate, marks, tokens);
    if (tokens !== undefined && !takesOne(candidate, tokens, share)) crowded = true;
    if (against === least) best?.push(candidate);
    else if (against > least) best ??= from.slice(0, at);
    else {
      least = against;
      best = at === 0 ? undefined : [candidate];
    }
  }
  const list = best ?? from;
  if (least === NEVER || !isSome(list)) return undefined;
  return crowded ? withRoom(list, least, tokens ?? 0, share) : { list, against: least };
}

/** Whether it has room; `share` is of the seats of those that take legs of handoffs besides. */
function takesOne({ engine, load }: Candidate, tokens: number, share: number | undefined): boolean {
  return hasRoom(load, tokens, engine.role === "decode" ? share : undefined);
}

function withRoom(
  all: Candidates,
  against: number,
  tokens: number,
  share: number | undefined,
): Best {
  const list = all.filter((candidate) => takesOne(candidate, tokens, share));
  if (list.length === all.length) return { list: all, against };
  return { list: isSome(list) ? list : all, against, roomy: list.length };
}

/** Whether some of the best have room. */
export function isRoomy({ roomy }: Best): boolean {
  return roomy !== 0;
}

/** Whether there is a candidate, as policies must have one. */
export function isSome(list: readonly Candidate[]): list is Candidates {
  return list.length > 0;
}
