/** What the log says of an engine whose verdict becomes another. @module */
import type { Engine, ErrorCode, Logger } from "../base/mod.ts";
import type { Verdict } from "../selection/mod.ts";

/** What to look at, by what failed. */
const LOOK: Partial<Readonly<Record<ErrorCode, string>>> = {
  "upstream-unreachable": "is it running, and is its port reachable from here?",
  "upstream-lost": "its log: it breaks connections off",
  "upstream-timeout": "is it frozen or overloaded? its log, and its GPU",
  "upstream-protocol": "is it vLLM's API server that answers on this port?",
  "engine-unhealthy": "its log says of what its engine core has died: restart it",
  "check-failed": "its log: it does not answer a request of one token",
  "tokenize-failed": "its log: /tokenize fails",
  "prefill-failed": "its log: prefills fail",
  "decode-failed": "its log: answers fail; does it load the KV that it is sent?",
};

/** Say once for each change why `engine` is gone around, or would be, and when it serves again. */
export function tellVerdict(log: Logger, engine: Engine, was: Verdict, is: Verdict): void {
  const { url, role } = engine;
  // Of engines that answer nothing, whoever asks them tells.
  if (isSilent(was) || isSilent(is)) return;
  if (was.kind === "good" && (is.kind === "shut" || is.kind === "probation")) {
    const { why = "internal" } = is;
    const what = is.kind === "shut"
      ? "Engine is gone around"
      : "Engine fails, and serves for want of others";
    log.warning(what, { url, role, why, look: LOOK[why] ?? "its log" });
  } else if (is.kind === "good" && (was.kind === "shut" || was.kind === "probation")) {
    log.info("Engine serves again", { url, role });
  }
}

function isSilent(verdict: Verdict): boolean {
  return verdict.kind === "shut" && verdict.untilMs === undefined;
}
