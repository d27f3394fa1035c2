/** What a client that is refused is told. @module */
import { encodeUtf8 } from "../../base/mod.ts";
import type { Answer } from "../../request/mod.ts";
import type { Refusal } from "./refusal.ts";

/** The answer: the reason, as plain text. */
export function refusalAnswer({ status, message }: Refusal): Answer {
  return {
    status,
    headers: [
      ["content-type", "text/plain; charset=utf-8"],
      ...(status === 503 ? [["retry-after", "1"] as const] : []),
    ],
    body: encodeUtf8(`${message}\n`),
  };
}
