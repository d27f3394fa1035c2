/** The header field `Server-Timing`: what of a request's time is known when its answer begins. @module */
import type { RequestTrace } from "../request/mod.ts";
import { doing, phasesOf } from "./phases.ts";
import { PHASES } from "./shapes.ts";

/**
 * Its value at `nowMs`, e.g. `route;desc="handoff_p1", prefill;dur=42.1, total;dur=44.3`: durations in
 * milliseconds, `total` from the arrival. Of a stream, what comes behind its first token is not in it.
 * Source: W3C Server Timing.
 */
export function serverTiming(trace: RequestTrace, nowMs: number): string {
  const phases = phasesOf(trace, nowMs);
  const open = doing(trace);
  const parts = PHASES.flatMap((phase) => {
    const ms = phases[phase];
    // The stream of an answer that begins has no length.
    const over = phase !== "stream" || (!trace.streams && open === "stream");
    return Number.isNaN(ms) || !over ? [] : [`${phase};dur=${ms.toFixed(1)}`];
  });
  return [`route;desc="${trace.route}"`, ...parts, `total;dur=${phases.total.toFixed(1)}`]
    .join(", ");
}
