/** Where the time of one request went, as its steps tell. Pure. @module */
import type { Outcome } from "../fleet/mod.ts";
import type { RequestTrace, TraceStep } from "../request/mod.ts";
import type { Phase, PhaseTimes } from "./shapes.ts";

/** What is read of a trace. */
export type Traced = Pick<
  RequestTrace,
  "receivedAtMs" | "acceptedAtMs" | "firstByteAtMs" | "events" | "route" | "streams" | "legs"
>;

/** What a request is doing behind each step. */
const BEHIND: Readonly<Record<TraceStep, Phase | "arrived">> = {
  "queued": "queue",
  "admitted": "tokenize",
  "tokenized": "prefill",
  "prefill-sent": "prefill",
  "prefill-done": "kv_wait",
  "kv-ready": "first_byte",
  "kv-timed-out": "first_byte",
  "decode-sent": "first_byte",
  "decode-first": "stream",
  "retry": "tokenize",
  "continued": "prefill",
  "direct-sent": "first_byte",
  "direct-head": "stream",
};

/** What a request is doing, or was doing when it ended. */
export function doing({ events }: Pick<Traced, "events">): Phase | "arrived" {
  const last = events.at(-1);
  return last === undefined ? "arrived" : BEHIND[last.step];
}

/**
 * The times of one request in milliseconds; NaN for what did not take place. Of several attempts they
 * are the last one's, but for the wait for room, which is of all. One shape for all requests.
 */
export class Phases {
  queue = NaN;
  tokenize = NaN;
  prefill = NaN;
  kv_wait = NaN;
  first_byte = NaN;
  stream = NaN;
  ttft = NaN;
  itl = NaN;
  total = NaN;
}

/** The times of `trace` until `untilMs`, on its clock: its end, or this moment. */
export function phasesOf(trace: Traced, untilMs: number): Phases {
  const { receivedAtMs, acceptedAtMs = receivedAtMs, firstByteAtMs, events } = trace;
  const phases = new Phases();
  let since = receivedAtMs;
  let prefillSent = NaN;
  let opened = NaN;
  let begun = NaN;
  for (const { step, atMs } of events) {
    switch (step) {
      case "queued":
        since = atMs;
        break;
      case "admitted":
        phases.queue = (Number.isNaN(phases.queue) ? 0 : phases.queue) + atMs - since;
        since = atMs;
        break;
      case "tokenized":
        phases.tokenize = atMs - Math.max(since, acceptedAtMs);
        since = atMs;
        break;
      case "prefill-sent":
        prefillSent = atMs;
        break;
      case "prefill-done":
        phases.prefill = atMs - prefillSent;
        since = atMs;
        break;
      case "kv-ready":
      case "kv-timed-out":
        phases.kv_wait = atMs - since;
        break;
      case "decode-sent":
      case "direct-sent":
        opened = atMs;
        break;
      case "decode-first":
      case "direct-head":
        begun = atMs;
        break;
      case "retry":
        phases.tokenize = phases.prefill = phases.kv_wait = NaN;
        opened = begun = NaN;
        since = atMs;
        break;
      case "continued":
        break;
      default:
        step satisfies never;
    }
  }
  // An engine sends the head of a stream before there is anything in it.
  const direct = trace.route === "direct" || trace.route === "external";
  if (direct && !Number.isNaN(begun) && firstByteAtMs !== undefined) begun = firstByteAtMs;
  phases.first_byte = begun - opened;
  phases.stream = untilMs - begun;
  phases.total = untilMs - receivedAtMs;
  if (firstByteAtMs !== undefined) phases.ttft = firstByteAtMs - receivedAtMs;
  if (trace.route !== "fan_out") phases.itl = betweenTokens(answering(trace.legs));
  return phases;
}

/** The exchange that gave the answer, as far as there was one. */
export function answering(legs: readonly Outcome[]): Outcome | undefined {
  return legs.findLast(({ leg, tokens }) => leg !== "prefill" && tokens !== undefined);
}

/** The mean time between two tokens, in milliseconds; NaN where nobody knows. */
function betweenTokens(leg: Outcome | undefined): number {
  if (leg?.tokens === undefined || leg.firstMs === undefined || leg.end !== "ok") return NaN;
  const steps = (leg.tokens.own ?? leg.tokens.answer) - 1;
  return steps < 1 ? NaN : (leg.ms - leg.firstMs) / steps;
}

/** `phases` for telling: what did not take place is left out, and microseconds are enough. */
export function toldPhases(phases: Phases): PhaseTimes {
  const told: Record<string, number> = {};
  for (const [name, ms] of Object.entries(phases)) {
    if (!Number.isNaN(ms)) told[name] = rounded(ms);
  }
  return told;
}

/** Milliseconds with three digits behind the point. */
export function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
