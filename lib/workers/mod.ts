/**
 * Several processes that serve on one port: the first starts the others, hands notifications to the one
 * that waits, and has all of them seen as one.
 *
 * Knows nothing of how a router serves.
 * @module
 */
export type { ByteStream } from "./link.ts";
export { Member, numberedLog } from "./member.ts";
export { MemberOthers } from "./member_others.ts";
export type { OtherRouters, OwnPart } from "./others.ts";
export type { Hello } from "./records.ts";
export { relayAround, serveRelayed } from "./relay_front.ts";
export { sharedFront } from "./shared_front.ts";
export { workerConfig } from "./share.ts";
export {
  NoneStarted,
  type OpenSupervisor,
  openSupervisor,
  type SupervisorConfig,
} from "./open_supervisor.ts";
export { type OwnCommand, processStarter } from "./worker_process.ts";
