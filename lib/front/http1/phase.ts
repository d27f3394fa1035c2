/** What a connection is at. @module */

/** `passing`: over a body that nobody has read. */
export type Phase =
  | "handshake"
  | "head"
  | "exchange"
  | "passing"
  | "refusing"
  | "lingering";
