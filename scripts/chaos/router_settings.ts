/** How the router of a run is set: short waits, so that much goes wrong in a short time. @module */
import type { RouterChanges } from "../../tests/support/router.ts";

/** Longest time of a request in the router, in milliseconds. */
const REQUEST_MS = 12_000;

/** What a request may take as its client sees it, on a busy machine, in milliseconds. */
export const DEADLINE_MS = REQUEST_MS + 4_000;

/** What is changed against a router of the tests. */
export const ROUTER = {
  timeouts: {
    connectMs: 2_000,
    tokenizeMs: 2_000,
    prefillMs: 4_000,
    prefillMsPerToken: 0,
    firstByteMs: 4_000,
    wholeAnswerMs: 8_000,
    streamIdleMs: 3_000,
  },
  handoff: { kvReadyTimeoutMs: 1_000, finishedReqTtlMs: 5_000, cleanupIntervalMs: 1_000 },
  health: {
    engineFailures: 3,
    pairFailures: 2,
    pauseMs: 300,
    maxPauseMs: 2_000,
    maxShutShare: 0.5,
    frozenAfterMs: 1_000,
    reroutes: 2,
    retryShare: 0.1,
    failurePolicy: "direct",
  },
  requests: { timeoutMs: REQUEST_MS },
  admission: { maxInflight: 12, maxPrefillInflight: 8, queueSize: 48, queueTimeoutMs: 3_000 },
} as const satisfies RouterChanges;
