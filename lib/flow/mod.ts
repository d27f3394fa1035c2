/**
 * One request's story each: directly to one engine, or handed off between two.
 *
 * Knows nothing of the client's side: it is given a request, and gives an answer back.
 * @module
 */
export * from "./answer.ts";
export * from "./background.ts";
export * from "./context.ts";
export * from "./direct.ts";
export * from "./drain.ts";
export * from "./exchange.ts";
export * from "./generate.ts";
export * from "./trace.ts";
