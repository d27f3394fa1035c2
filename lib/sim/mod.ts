/**
 * Simulated vLLM + LMCache engines on real sockets, without a GPU.
 *
 * Knows nothing of the router: it implements the wire protocol from the engine's side on its own.
 * @module
 */
export { type SimEngine, startSimEngine } from "./engine.ts";
export type { SimPorts } from "./engine_parts.ts";
export { FAULT_TEXTS } from "./fault_texts.ts";
export { type FaultWhen, noFaults, type SimFaults } from "./faults.ts";
export { SIM_FLAGS, type SimFlag } from "./flags.ts";
export {
  type KvConnector,
  parseSimOptions,
  type SimOptions,
  simOptions,
  SimOptionsError,
} from "./options.ts";
export { createSharedStore, type SharedStore } from "./shared_store.ts";
export type { SeenRequest, SimStats } from "./stats.ts";
