/** How long a case may take, and how much memory. @module */
import process from "node:process";

/** Bounds of one case. */
export interface Bounds {
  /** Longest time, in milliseconds. */
  readonly ms: number;
  /** Most memory that is held at its end, in bytes, whatever its input. */
  readonly bytes: number;
  /** And so many bytes for each byte of the input. */
  readonly bytesPerByte: number;
}

/** Bounds where a target has none of its own; garbage that was not collected counts. */
export const BOUNDS: Bounds = { ms: 1_000, bytes: 48 * 1024 * 1024, bytesPerByte: 512 };

/** What a case has cost. */
export interface Cost {
  readonly ms: number;
  readonly bytes: number;
}

/**
 * Runs `work`, and tells its cost; memory that was given back meanwhile does not count, nor time in
 * which the machine was busy with others.
 */
export async function measured<T>(
  work: () => T | Promise<T>,
): Promise<Cost & { readonly value: T }> {
  const before = Deno.memoryUsage();
  const from = performance.now();
  const busy = process.cpuUsage();
  const result = work();
  const value = result instanceof Promise ? await result : result;
  const { user, system } = process.cpuUsage(busy);
  const ms = Math.min(performance.now() - from, (user + system) / 1000);
  const after = Deno.memoryUsage();
  const bytes = Math.max(0, after.heapUsed - before.heapUsed) +
    Math.max(0, after.external - before.external);
  return { ms, bytes, value };
}

/** What is beyond `bounds` in the cost of an input of `size` bytes; undefined for nothing. */
export function excess(cost: Cost, size: number, bounds: Bounds): string | undefined {
  if (cost.ms > bounds.ms) return `slow: ${Math.round(cost.ms)} ms for ${size} bytes`;
  const most = bounds.bytes + size * bounds.bytesPerByte;
  return cost.bytes > most ? `large: ${cost.bytes} bytes held for ${size} bytes` : undefined;
}
