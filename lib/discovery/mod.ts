/**
 * Where engines are found while the router serves, and the book that makes them one source for the fleet.
 * @module
 */
export { DnsSource, type DnsSourceDeps } from "./dns_source.ts";
export {
  type BookDeps,
  type BookEntry,
  EngineBook,
  type Following,
  type SourceState,
} from "./engine_book.ts";
export { type KubernetesPorts, KubernetesSource } from "./kubernetes_source.ts";
export { FoundQueue } from "./found_queue.ts";
export type { EngineFault } from "./engine_table.ts";
export { type FoundChange, type FoundEngine, type FoundSource, listedSource } from "./found.ts";
export type { HandMark, HandMarks } from "./hand_marks.ts";
export { ManualSource, MAX_MANUAL } from "./manual_source.ts";
