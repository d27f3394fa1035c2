/** The engine that a request names. @module */
import type { BookEntry } from "../discovery/mod.ts";
import type { AdminDeps } from "./admin_deps.ts";
import { type EngineView, engineView } from "./engine_view.ts";
import { noEngine } from "./refusals.ts";

/** The engine that is called `id`. Throws `unknown-engine`. */
export function entryOf({ book }: Pick<AdminDeps, "book">, id: string): BookEntry {
  const entry = book.find(id);
  if (entry === undefined) throw noEngine(id);
  return entry;
}

/** `entry` with what is told of it elsewhere. */
export function shown(deps: Pick<AdminDeps, "fleet" | "rows">, entry: BookEntry): EngineView {
  return engineView(deps, entry, deps.rows().get(entry.engine?.id ?? ""));
}
