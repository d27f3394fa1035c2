/** Traces of requests that have gone through given steps. */
import type { Outcome } from "../../lib/fleet/mod.ts";
import { RequestTrace, type Route, type TraceStep } from "../../lib/request/mod.ts";
import type { FakeClock } from "../support/fake_clock.ts";
import { engineAt } from "../support/router.ts";

/** The engines of a handoff. */
export const PREFILL = { ...engineAt("http://p:8000", "prefill"), kv: "lmcache" } as const;
export const DECODE = { ...engineAt("http://d:8000", "decode"), kv: "lmcache" } as const;

/** Steps with the milliseconds before each. */
export type Steps = readonly (readonly [afterMs: number, step: TraceStep, engine?: string])[];

/** The steps of a handoff in mode P1 that goes well. */
export const HANDOFF: Steps = [
  [2, "tokenized", PREFILL.url],
  [1, "prefill-sent", PREFILL.url],
  [40, "prefill-done", PREFILL.url],
  [3, "kv-ready"],
  [1, "decode-sent", DECODE.url],
  [12, "decode-first", DECODE.url],
];

/** A trace on `clock` that took `route`, its engines chosen at once, and then `steps`. */
export async function traced(
  clock: FakeClock,
  route: Route,
  steps: Steps,
): Promise<RequestTrace> {
  const trace = new RequestTrace(clock);
  trace.route = route;
  trace.model = "m";
  trace.id = "r";
  trace.method = "POST";
  trace.path = "/v1/completions";
  if (route.startsWith("handoff_")) trace.pair = { prefill: PREFILL, decode: DECODE };
  trace.accept();
  for (const [afterMs, step, engine] of steps) {
    await clock.advance(afterMs);
    trace.add(step, engine);
  }
  return trace;
}

/** An exchange with an engine that ended well. */
export function leg(changes: Partial<Outcome> = {}): Outcome {
  return {
    engine: DECODE,
    leg: "decode",
    peer: PREFILL,
    end: "ok",
    code: undefined,
    status: 200,
    headMs: 5,
    ms: 100,
    ...changes,
  };
}
