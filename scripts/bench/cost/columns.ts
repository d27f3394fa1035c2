/** The columns that several tables have. @module */
import { NGINX } from "./nginx.ts";
import type { Sample } from "./measure.ts";
import type { Comparison, Measure } from "./rows.ts";
import { ENGINE } from "./ways.ts";

/** Answers a second. */
export const RATE: Measure = {
  key: "rate",
  title: "req/s",
  digits: 0,
  of: ({ load }) => load.answered / load.seconds,
};

/** CPU time of a request. */
export const CPU_MS: Measure = {
  key: "cpuMs",
  title: "CPU ms",
  digits: 3,
  of: ({ load, cpuSeconds }) => 1e3 * cpuSeconds / load.begun,
};

/** Latency. */
export const P50: Measure = {
  key: "p50",
  title: "p50 ms",
  digits: 2,
  of: ({ load }) => load.latency?.p50 ?? NaN,
};
export const P99: Measure = {
  key: "p99",
  title: "p99 ms",
  digits: 2,
  of: ({ load }) => load.latency?.p99 ?? NaN,
};

/** Time to the first event. */
export const FIRST_P50: Measure = {
  key: "firstP50",
  title: "TTFT p50",
  digits: 2,
  of: ({ load }) => load.first?.p50 ?? NaN,
};
export const FIRST_P99: Measure = {
  key: "firstP99",
  title: "TTFT p99",
  digits: 2,
  of: ({ load }) => load.first?.p99 ?? NaN,
};

/** Time between events. */
export const GAP_P50: Measure = {
  key: "gapP50",
  title: "gap p50",
  digits: 2,
  of: ({ load }) => load.gap?.p50 ?? NaN,
};
export const GAP_P99: Measure = {
  key: "gapP99",
  title: "gap p99",
  digits: 2,
  of: ({ load }) => load.gap?.p99 ?? NaN,
};

/** Tokens that were delivered in a second, and their CPU time in seconds for a million. */
export const TOKEN_RATE: Measure = {
  key: "tokenRate",
  title: "tokens/s",
  digits: 0,
  of: (sample) => tokensOf(sample) / sample.load.seconds,
};
export const CPU_TOKENS: Measure = {
  key: "cpuTokens",
  title: "CPU s/M tokens",
  digits: 1,
  of: (sample) => 1e6 * sample.cpuSeconds / tokensOf(sample),
};

/** A chat's first event and its last have no token. */
function tokensOf({ load }: Sample): number {
  return load.events - 2 * load.answered;
}

/** `measure` as a multiple of that of the engine asked directly. */
export function ofEngine({ key }: Measure, title: string): Comparison {
  return { key: `${key}OfEngine`, title, digits: 2, of: key, to: ENGINE.name, by: "ratio" };
}

/** `measure` as a multiple of nginx's. */
export function ofNginx({ key }: Measure, title: string): Comparison {
  return { key: `${key}OfNginx`, title, digits: 2, of: key, to: NGINX, by: "ratio" };
}

/** What of `measure` is more than when the engine is asked directly. */
export function added({ key }: Measure, title: string): Comparison {
  return { key: `${key}Added`, title, digits: 2, of: key, to: ENGINE.name, by: "difference" };
}
