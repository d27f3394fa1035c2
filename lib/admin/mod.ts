/**
 * The admin API: what those who run the router ask of it, and have it do, on a listener of its own.
 *
 * Knows nothing of requests to engines, nor of where other sources find engines.
 * @module
 */
export { type AdminDeps, type AdminReload, type ReloadTold } from "./admin_deps.ts";
export { adminHandler } from "./admin_handler.ts";
export { type EngineView, engineView } from "./engine_view.ts";
