/** What a connection is at. @module */

/** `passing`: over a body that nobody has read; `resting`: others have their turn before it goes on. */
export type Phase =
  | "handshake"
  | "head"
  | "exchange"
  | "passing"
  | "resting"
  | "refusing"
  | "lingering";
