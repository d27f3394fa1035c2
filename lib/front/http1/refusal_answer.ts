/** What a client that is turned away is told. @module */
import { encodeUtf8 } from "../../base/mod.ts";
import type { FrontOptions, WholeAnswer } from "../contract/mod.ts";
import type { Refusal } from "./refusal.ts";

/** The answer that `onRefusal` makes of it, or else the reason as plain text. */
export function refusalAnswer(
  { status, message }: Pick<Refusal, "status" | "message">,
  onRefusal?: FrontOptions["onRefusal"],
): WholeAnswer {
  const answer = onRefusal?.(status, message) ?? plain(status, message);
  return status === 503
    ? { ...answer, headers: [...answer.headers, ["retry-after", "1"]] }
    : answer;
}

function plain(status: number, message: string): WholeAnswer {
  return {
    status,
    headers: [["content-type", "text/plain; charset=utf-8"]],
    body: encodeUtf8(`${message}\n`),
  };
}
