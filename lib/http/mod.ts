/**
 * The router's own HTTP surface: endpoints, and how answers and errors become responses.
 *
 * Knows nothing of how a handoff works.
 * @module
 */
export { isBatchTarget } from "./batch_routes.ts";
export { lineAsker } from "./batch_line.ts";
export { readBody } from "./body.ts";
export * from "./context.ts";
export { type EngineRow, engineRows } from "./engine_rows.ts";
export { EngineNames } from "./engine_names.ts";
export { type KvReport, type LifeReport } from "./engine_notes.ts";
export * from "./handler.ts";
export { errorAnswer, jsonAnswer, refusalAnswer } from "./respond.ts";
export { Scrapes } from "./scrapes.ts";
export { toldOfItself } from "./whole.ts";
