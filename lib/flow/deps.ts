/** What the story of a generation request works with. @module */
import type { HandoffDeps } from "../handoff/mod.ts";
import type { AdmissionDeps } from "./admission.ts";
import type { Worth } from "./worth.ts";

/** The parts of a handoff, and what holds for requests that take none. */
export interface GenerateDeps extends HandoffDeps, AdmissionDeps {
  /** Keep the KV transfer fields of clients, for routers in a chain. */
  readonly trustClientKvParams: boolean;
  /** Keep direct requests away from KV that waits on LMCache decode engines. */
  readonly lmcacheTagDirect: boolean;
  /** What becomes of a request for which no pair is left. */
  readonly failurePolicy: "direct" | "error";
  /** Of a decode engine's seats, the share that requests may take which it then serves alone; 0 to 1. */
  readonly fallbackShare: number;
  /** Have another pair go on with a stream whose decode engine fails. */
  readonly continueStreams: boolean;
  /** When a handoff does not pay; absent where it always does. */
  readonly worth?: Worth;
}
