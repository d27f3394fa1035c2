/**
 * What every story of a request needs: its circumstances, its record, an exchange with an engine, and
 * the shape of an answer.
 *
 * Knows nothing of handoffs, nor of which engine is the right one.
 * @module
 */
export * from "./answer.ts";
export * from "./answer_headers.ts";
export * from "./answer_tokens.ts";
export * from "./attempt.ts";
export * from "./answer_kind.ts";
export * from "./background.ts";
export * from "./context.ts";
export * from "./engine_failure.ts";
export * from "./exchange.ts";
export * from "./kv_lookup.ts";
export * from "./life.ts";
export * from "./pass_through.ts";
export * from "./retry_budget.ts";
export * from "./read_whole.ts";
export * from "./refusal.ts";
export * from "./told.ts";
export * from "./trace.ts";
