/**
 * Looks at what a router needs before it serves: engines that answer and go together, ports that are open,
 * KV that really moves. Starts nothing and says nothing by itself.
 * @module
 */
export type { MeetingPlace } from "./cluster.ts";
export type { DescriptorRoom } from "./descriptors.ts";
export { type DoctorParts, examine } from "./doctor.ts";
export * from "./finding.ts";
export type { PairTries } from "./handoffs.ts";
export type { AskParts } from "./look.ts";
export { type BindTry, type SocketParts, tryBind } from "./sockets.ts";
