/** Operations on engines: list, look at, add, change, remove. @module */
import { RouterError } from "../base/mod.ts";
import { changedPatch, patchedEngine, readChange, readEngine } from "../config/mod.ts";
import { MAX_MANUAL } from "../discovery/mod.ts";
import type { AdminAnswer, AdminAsk, AdminDeps } from "./admin_deps.ts";
import { endDraining } from "./draining.ts";
import { type EngineView, engineView, idOf, sourceView } from "./engine_view.ts";
import { entryOf, shown } from "./lookup.ts";
import { badFields, faultError } from "./refusals.ts";

/** How long a change may take until it is seen by who chooses engines, in milliseconds. */
const APPLY_MS = 5_000;

/** All engines that were found anywhere, and how the sources are doing. */
export function listEngines(deps: AdminDeps): AdminAnswer {
  const rows = deps.rows();
  const engines = [...deps.book.entries()].map((entry) =>
    engineView(deps, entry, rows.get(entry.engine?.id ?? ""))
  );
  return { status: 200, value: { engines, sources: deps.book.sources().map(sourceView) } };
}

/** One engine. Throws `unknown-engine`. */
export function oneEngine(deps: AdminDeps, { id }: AdminAsk): AdminAnswer {
  return { status: 200, value: shown(deps, entryOf(deps, id)) };
}

/** Add an engine. Throws `bad-request`, `conflict`. */
export async function addEngine(deps: AdminDeps, ask: AdminAsk): Promise<AdminAnswer> {
  const { book, manual, fleet, waits, log } = deps;
  const read = readEngine(ask.body);
  if (!read.ok) throw badFields(read.problems);
  const raw = read.value;
  if (manual.has(raw.url)) throw new RouterError("conflict", "url: it has been added before");
  if (manual.size >= MAX_MANUAL) {
    throw new RouterError("conflict", `${MAX_MANUAL} engines have been added: remove some first`);
  }
  const fault = book.faultOf(manual.name, raw.url, raw);
  if (fault !== undefined) throw faultError(fault, raw);
  await manual.add(raw);
  const entry = book.find(`${manual.name}/${raw.url}`);
  const engine = entry?.engine;
  if (entry === undefined || engine === undefined) {
    // Another came in at the same moment.
    await manual.remove(raw.url);
    throw new RouterError("conflict", entry?.problems.join("; ") ?? "the router is stopping");
  }
  await waits.until(() => fleet.live(engine) !== undefined, {
    timeoutMs: APPLY_MS,
    signal: ask.signal,
  });
  log.info("Engine added by the admin API", { engine: engine.id, by: ask.by });
  const location = `/admin/engines/${encodeURIComponent(engine.id)}`;
  return { status: 201, value: shown(deps, entry), headers: [["location", location]] };
}

/** Change fields of an engine over what its source says. Throws `unknown-engine`, `bad-request`, `conflict`. */
export async function changeEngine(deps: AdminDeps, ask: AdminAsk): Promise<AdminAnswer> {
  const { book, fleet, waits, log } = deps;
  const { key, source, found, patch: before } = entryOf(deps, ask.id);
  const change = readChange(ask.body);
  if (!change.ok) throw badFields(change.problems);
  const patch = changedPatch(before, change.value);
  const raw = patchedEngine(found.raw, patch);
  const fault = book.faultOf(source, found.key, raw);
  if (fault !== undefined) throw faultError(fault, raw);
  book.patch(key, patch);
  const entry = entryOf(deps, key);
  const { engine } = entry;
  await waits.until(
    () => engine === undefined || fleet.live(engine)?.isConfigured(engine) === true,
    { timeoutMs: APPLY_MS, signal: ask.signal },
  );
  const fields = Object.keys(change.value).join(",");
  log.info("Engine changed by the admin API", { engine: idOf(entry), fields, by: ask.by });
  return { status: 200, value: shown(deps, entryOf(deps, key)) };
}

/** Longest wait for an engine that is removed once it is idle, in seconds, and the usual one. */
export const REMOVE_WAIT = { most: 3_600, usual: 30 } as const;

/** Remove an engine that was added here. Throws `unknown-engine`, `conflict`. */
export async function removeEngine(deps: AdminDeps, ask: AdminAsk): Promise<AdminAnswer> {
  const { manual, log } = deps;
  const entry = entryOf(deps, ask.id);
  if (entry.source !== manual.name) {
    throw new RouterError(
      "conflict",
      `'${idOf(entry)}' was found by the source '${entry.source}', which would find it again: ` +
        `drain it instead (POST /admin/engines/${encodeURIComponent(idOf(entry))}/drain)`,
    );
  }
  if (ask.query.get("drain") === true) {
    const seconds = Number(ask.query.get("timeout") ?? REMOVE_WAIT.usual);
    const left = await endDraining(deps, entry, { timeoutMs: seconds * 1000, signal: ask.signal });
    if (left > 0) {
      throw new RouterError(
        "conflict",
        `'${idOf(entry)}' has ${left} in flight after ${seconds} s: it gets nothing new, and stays`,
      );
    }
  }
  const last = shown(deps, entryOf(deps, entry.key));
  await manual.remove(entry.found.key);
  log.info("Engine removed by the admin API", { engine: last.id, by: ask.by });
  return { status: 200, value: { ...last, state: "gone" } satisfies EngineView };
}
