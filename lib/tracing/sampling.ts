/** Which requests are traced. Pure. @module */
import type { Sampler } from "../config/mod.ts";
import type { Parent } from "./trace_context.ts";

/** Digits of a trace's id that chance alone has made: the last 56 bits, as all that sample by them agree. */
const CHANCE_FROM = 18;
const CHANCES = 2 ** 56;

/** Whether the request of `traceId` is traced, which came with `parent`. */
export function isSampled(
  { parentBased, ratio }: Sampler,
  traceId: string,
  parent: Parent | undefined,
): boolean {
  if (parentBased && parent !== undefined) return parent.sampled;
  if (ratio >= 1) return true;
  return parseInt(traceId.slice(CHANCE_FROM), 16) >= (1 - ratio) * CHANCES;
}
