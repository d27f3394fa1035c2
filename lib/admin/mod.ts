/**
 * The admin API: what those who run the router ask of it, and have it do, on a listener of its own.
 *
 * Knows nothing of requests to engines, nor of where other sources find engines.
 * @module
 */
export {
  type AdminAnswer,
  type AdminDeps,
  type AdminReload,
  type AskedEverywhere,
  type Everywhere,
  type JsonAnswer,
  type ReloadTold,
} from "./admin_deps.ts";
export { adminHandler, doneHere } from "./admin_handler.ts";
export { changesOf, type HandChanges, marksOf } from "./changes.ts";
export { type EngineView, engineView } from "./engine_view.ts";
export { MOST_ALIKE, USUAL_LISTED } from "./requests.ts";
