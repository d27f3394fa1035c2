/**
 * One request's story each: directly to one engine, or handed off between two.
 *
 * Knows nothing of the client's side: it is given a request, and gives an answer back.
 * @module
 */
export { Admission, type AdmissionDeps } from "./admission.ts";
export { Canary, type CanaryNote } from "./canary.ts";
export * from "./deps.ts";
export * from "./direct.ts";
export * from "./engine_control.ts";
export * from "./generate.ts";
export { withPrompt } from "./prompt_facts.ts";
export * from "./way.ts";
export * from "./worth.ts";
