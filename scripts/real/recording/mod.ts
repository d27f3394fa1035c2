/**
 * Recordings of what real engines answer, to hold the simulated ones to.
 *
 * Knows nothing of the router and nothing of the simulator.
 * @module
 */
export * from "./answer.ts";
export * from "./exchange.ts";
export * from "./exchanges.ts";
export * from "./file.ts";
export * from "./placeholders.ts";
export * from "./recorder.ts";
export * from "./shape.ts";
