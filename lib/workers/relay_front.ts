/** Requests that one worker alone can answer, taken by any of them: those about files and batches. @module */
import type { Logger } from "../base/mod.ts";
import type { FrontHandler, FrontRequest } from "../front/mod.ts";
import { errorAnswer, isBatchTarget } from "../http/mod.ts";
import type { Member } from "./member.ts";
import { answerRelayed, RELAY_CALL, relayed, relayHead } from "./relay.ts";
import { LEAD } from "./share.ts";

/** What it is decided by. */
export interface RelayParts {
  readonly member: Pick<Member, "hello" | "call" | "answer">;
  readonly log: Logger;
  /** The root path. */
  readonly root: string;
}

/** `handler`, but that requests about files and batches are handed to the lead, by those that are not it. */
export function relayAround(
  { member, log, root }: RelayParts,
  handler: FrontHandler,
): FrontHandler {
  if (member.hello.number === LEAD) return handler;
  const relay = async (request: FrontRequest): ReturnType<FrontHandler> => {
    try {
      return await relayed(request, member.call(RELAY_CALL, relayHead(request)));
    } catch (error) {
      return errorAnswer(error, log);
    }
  };
  return (request) => isBatchTarget(request, root) ? relay(request) : handler(request);
}

/** Have the lead answer what others hand to it by `handler`. */
export function serveRelayed({ member, log }: RelayParts, handler: FrontHandler): void {
  if (member.hello.number !== LEAD) return;
  member.answer(RELAY_CALL, (head, call) => {
    answerRelayed(head, call, handler).catch((error: unknown) => {
      errorAnswer(error, log);
    });
  });
}
