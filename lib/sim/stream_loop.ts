/** The pace of a streamed generation: steps on a clock, events as they fall due. @module */
import type { EngineCore } from "./core.ts";
import type { Generation } from "./generation.ts";
import type { Sample } from "./sample.ts";
import type { SseStream } from "./sse_stream.ts";

/** The event, its empty line included, that shows what a sample has to show; "" for none. */
export type EventOf = (sample: Sample, index: number) => string;

/**
 * Generate to the end, adding events to `stream`. Steps are due at whole multiples of the time
 * between tokens since the start, so that lateness does not add up. The first token and the last are
 * shown at once, others every `streamInterval` tokens. False when a fault ended the stream; throws
 * ClientGone when the client has left.
 */
export async function runStream(
  core: EngineCore,
  generation: Generation,
  stream: SseStream,
  eventOf: EventOf,
): Promise<boolean> {
  const { clock, options } = core;
  const { samples, itlMs } = generation;
  const { streamInterval } = options;
  const startedAt = clock.now();
  const finished = new Set<Sample>();
  for (let step = 0;; step++) {
    if (itlMs > 0 && !await stream.waitUntil(clock, startedAt + step * itlMs)) return false;
    const live = generation.step();
    if (generation.broken) return await stream.fail();
    for (let index = 0; index < samples.length; index++) {
      const sample = samples[index];
      if (sample === undefined || (samples.length > 1 && finished.has(sample))) continue;
      const ends = sample.finishReason !== undefined;
      if (ends) finished.add(sample);
      if (!ends && (sample.tokens - 1) % streamInterval !== 0) continue;
      const event = eventOf(sample, index);
      if (event === "") continue;
      stream.add(event);
      if (stream.full && !await stream.flush()) return false;
    }
    if (!live) return true;
  }
}
