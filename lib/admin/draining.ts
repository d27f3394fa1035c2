/** Engines that get nothing new and end what they have. @module */
import type { BookEntry } from "../discovery/mod.ts";
import type { WaitLimits } from "../fleet/mod.ts";
import type { AdminAnswer, AdminAsk, AdminDeps } from "./admin_deps.ts";
import { type EngineView, idOf, inflightOf } from "./engine_view.ts";
import { entryOf, shown } from "./lookup.ts";

/** Longest wait for an engine that is drained, in seconds. */
export const MOST_WAIT = 600;

/** How long it may take until who chooses engines knows, in milliseconds. */
const APPLY_MS = 5_000;

/** Have an engine get nothing new; with `wait`, answer when it is idle or the time is over. */
export async function drainEngine(deps: AdminDeps, ask: AdminAsk): Promise<AdminAnswer> {
  const entry = entryOf(deps, ask.id);
  const before = shown(deps, entry);
  if (!entry.drained) tell(deps, ask, entry, "Engine drained by the admin API");
  const wait = Number(ask.query.get("wait") ?? 0);
  await endDraining(deps, entry, { timeoutMs: wait * 1000, signal: ask.signal });
  const after = deps.book.find(entry.key);
  const value: EngineView = after === undefined
    ? { ...before, state: "gone", inflight: 0 }
    : shown(deps, after);
  return { status: 200, value };
}

/** Have an engine serve again, unless its source says that it leaves. */
export async function undrainEngine(deps: AdminDeps, ask: AdminAsk): Promise<AdminAnswer> {
  const { book, waits } = deps;
  const entry = entryOf(deps, ask.id);
  if (entry.drained) tell(deps, ask, entry, "Engine serves again by the admin API");
  book.drain(entry.key, false);
  const { engine, found } = entry;
  await waits.until(
    () => found.leaving === true || engine === undefined || !isLeaving(deps, entry),
    { timeoutMs: APPLY_MS, signal: ask.signal },
  );
  return { status: 200, value: shown(deps, entryOf(deps, entry.key)) };
}

/**
 * Have `entry` get nothing new, and wait until it has nothing under way.
 *
 * @returns how many requests are under way; 0 also where the engine has gone
 */
export async function endDraining(
  deps: AdminDeps,
  entry: BookEntry,
  limits: WaitLimits,
): Promise<number> {
  const { book, waits, fleet } = deps;
  book.drain(entry.key, true);
  const { engine } = entry;
  const isGone = (): boolean => engine === undefined || fleet.live(engine) === undefined;
  await waits.until(() => isGone() || isLeaving(deps, entry), { ...limits, timeoutMs: APPLY_MS });
  const isIdle = (): boolean => isGone() || inflightOf(deps, entry) === 0;
  await waits.until(isIdle, limits);
  return inflightOf(deps, entry);
}

function isLeaving({ fleet }: Pick<AdminDeps, "fleet">, { engine }: BookEntry): boolean {
  return engine !== undefined && fleet.live(engine)?.leaving === true;
}

function tell({ log }: AdminDeps, { by }: AdminAsk, entry: BookEntry, what: string): void {
  log.info(what, { engine: idOf(entry), by });
}
