/** What is asked of the admin API, done by all workers. Of the supervisor. @module */
import type { AskedEverywhere, HandChanges, JsonAnswer } from "../admin/mod.ts";
import { type Clock, type ErrorCode, RouterError } from "../base/mod.ts";
import type { Call } from "./call.ts";
import { decodeJson, encodeJson } from "./codec.ts";
import { mergedRow, type Row } from "./merge_engines.ts";
import { isListed, mergedRequests } from "./merge_requests.ts";
import { giveTold, takeTold } from "./told.ts";
import type { WorkerSlot } from "./worker_slot.ts";

/** Name of the call by which a worker has all do it, and of the one that each is asked by. */
export const EVERYWHERE_CALL = "everywhere";
export const HERE_CALL = "here";

/** What has come of it in one worker, or in all. */
export type Done =
  | { readonly kind: "done"; readonly answer: JsonAnswer }
  | {
    readonly kind: "failed";
    readonly code: ErrorCode;
    readonly message: string;
    readonly param?: string | undefined;
  };

/** The same of one worker, and what is changed by hand in it from then on. */
export interface DoneHere {
  readonly done: Done;
  readonly changes: HandChanges;
}

/** What was asked, as far as it says how answers go together. */
type Asked = Pick<AskedEverywhere, "operation" | "id" | "query">;

/** How long an operation may take beside what it is told to wait, in milliseconds. */
const LIMIT_MS = 10_000;

/** What it works with. */
export interface AdminRoundParts {
  readonly clock: Clock;
  readonly workers: readonly Pick<WorkerSlot, "number" | "state" | "call">[];
  /** What was changed by hand, for workers that are started later. */
  readonly keep: (changes: HandChanges) => void;
}

/** Have all do what `from` asks, and give it what comes of that. */
export async function answerEverywhere(
  { clock, workers, keep }: AdminRoundParts,
  from: AdminRoundParts["workers"][number],
  head: Uint8Array,
  call: Call,
): Promise<void> {
  const asked = decodeJson<AskedEverywhere>(head);
  const limitMs = LIMIT_MS + waitOf(asked);
  // Those that start have been told what held before: they do it when they are there.
  const there = workers.filter(({ state }) => state === "serving" || state === "starting");
  const all = await Promise.all(there.map(async (worker) => {
    const calling = worker.call(HERE_CALL, head);
    call.signal.addEventListener("abort", () => calling?.cancel("Nobody waits"), { once: true });
    const told = calling && await takeTold(calling, { clock, limitMs });
    return told === undefined ? [] : [{ worker, ...decodeJson<DoneHere>(told.body) }];
  }));
  // Whoever was asked comes first: what it says of itself is what is told.
  const done = all.flat();
  done.sort((a, b) => Number(b.worker === from) - Number(a.worker === from));
  const [first] = done;
  if (first !== undefined) keep(first.changes);
  const body = encodeJson(mergedDone(done.map((each) => each.done), asked));
  try {
    await giveTold(call, { status: 200, contentType: "application/json", body });
  } catch (error) {
    if (!call.signal.aborted) throw error;
  }
}

/**
 * What has come of `asked` in all, the first being the one who was asked: what failed anywhere, unless an engine
 * or a request was not known there; else what was done.
 */
export function mergedDone(all: readonly Done[], asked: Asked): Done {
  const failed = all.filter((each) => each.kind === "failed");
  const done = all.flatMap((each) => each.kind === "done" ? [each.answer] : []);
  const grave = failed.find(({ code }) => code !== "unknown-engine" && code !== "not-found");
  const [first, ...others] = done;
  if (grave !== undefined) return grave;
  if (first !== undefined) {
    const value = others.reduce(
      (value, other) => mergedValue(value, other.value, asked),
      first.value,
    );
    return { kind: "done", answer: { ...first, value } };
  }
  return failed[0] ?? {
    kind: "failed",
    code: "shutting-down",
    message: "No worker has answered",
  };
}

/** A list of engines or of requests, one engine, or what says nothing of any. */
function mergedValue(first: unknown, other: unknown, asked: Asked): unknown {
  if (!isRow(first) || !isRow(other)) return first;
  if (Array.isArray(first["engines"]) && Array.isArray(other["engines"])) {
    const more = new Map(other["engines"].filter(isRow).map((row) => [row["id"], row]));
    const engines = first["engines"].map((row) => {
      const same = isRow(row) ? more.get(row["id"]) : undefined;
      return same === undefined ? row : mergedEngine(row, same);
    });
    return { ...first, engines };
  }
  if (isListed(first) && isListed(other)) return mergedRequests(first, other, asked);
  return "inflight" in first && "inflight" in other ? mergedEngine(first, other) : first;
}

/** An engine is drained when it is so for all. */
function mergedEngine(first: Row, other: Row): Row {
  const merged = mergedRow(first, other);
  const isDrained = merged["state"] === "drained" && merged["inflight"] !== 0;
  return isDrained ? { ...merged, state: "draining" } : merged;
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** How long an operation was told to wait, in milliseconds. */
function waitOf({ query, operation }: AskedEverywhere): number {
  const given = new Map(query);
  const usual = operation === "removeEngine" ? 30 : 0;
  return Number(given.get("wait") ?? given.get("timeout") ?? usual) * 1_000;
}

/** `done` as it is told: its answer, or what it throws. */
export function answerOf(done: Done): JsonAnswer {
  if (done.kind === "done") return done.answer;
  throw new RouterError(done.code, done.message, { param: done.param });
}
