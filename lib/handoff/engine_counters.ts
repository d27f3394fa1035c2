/** The counters of an engine that tell of KV: read from its metrics. @module */
import { hitsIn } from "../fleet/mod.ts";
import type { Samples } from "../metrics/mod.ts";

/** What an engine has counted since its start, in tokens. */
export interface KvCounters {
  /** Found by its KV connector. */
  readonly external: number;
  /** Found in its own prefix cache. */
  readonly own: number;
}

/** The counters among an engine's samples; undefined where it does not count KV. */
export function kvCountersOf(samples: Samples): KvCounters | undefined {
  const { external, own = 0 } = hitsIn(samples);
  return external === undefined ? undefined : { external, own };
}
