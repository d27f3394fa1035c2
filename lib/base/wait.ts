/** How a wait can end. @module */

/** The three ends of every wait. */
export type WaitEnd = "ready" | "timed-out" | "aborted";
