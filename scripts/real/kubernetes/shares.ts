/** Whether engines get their share of what is asked. @module */
import { timed } from "./scene.ts";

/** How long engines have to get a share of the load again, in milliseconds. */
export const EVEN_MS = 10_000;

/** Requests to an engine, on average, after which they are compared. */
const LEAST = 10;

/** An engine, as far as its share of requests is looked at. */
export interface AskedEngine {
  /** `host:port`. */
  readonly id: string;
  /** Requests so far. */
  readonly asked: number;
}

/** Resolves once each of `pods` has got its share of the requests that come from here on. */
export async function even(pods: readonly AskedEngine[]): Promise<string> {
  const before = pods.map(({ asked }) => asked);
  const startedAt = performance.now();
  const counts = (): readonly number[] => pods.map((pod, at) => pod.asked - (before[at] ?? 0));
  await timed(
    () => {
      const got = counts();
      const mean = got.reduce((sum, count) => sum + count, 0) / got.length;
      return mean >= LEAST && got.every((count) => count >= mean / 2 && count <= mean * 1.5);
    },
    () => `requests by engine are ${counts().join(", ")}`,
    EVEN_MS,
  );
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  return `even within ${seconds} s (${counts().join(", ")})`;
}

/** How engines at these pods are called. */
export function idsOf(pods: readonly AskedEngine[]): readonly string[] {
  return pods.map(({ id }) => id);
}
