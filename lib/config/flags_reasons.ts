/**
 * Why flags of the production-stack router do nothing here, and what to do instead. Whether a flag is
 * ignored is its `status` in the table of flags, and nowhere else.
 * @module
 */

/** One reason, and the flags it holds for. */
interface Reason {
  readonly flags: readonly string[];
  /** A sentence without its full stop; what to do comes last. */
  readonly why: string;
}

const REASONS: readonly Reason[] = [
  {
    flags: ["backend-health-check-timeout-seconds"],
    why: "engines in Kubernetes are asked for their models as all others are: one that does not " +
      "answer within 5 s is asked again",
  },
  {
    flags: [
      "lmcache-controller-port",
      "lmcache-controller-reply-port",
      "lmcache-controller-heartbeat-port",
      "lmcache-health-check-interval",
      "lmcache-worker-timeout",
    ],
    why: "no LMCache controller is asked: kvaware goes by the KV events of engines, of which " +
      "--kv-events-port says where they are",
  },
  {
    flags: ["semantic-cache-model", "semantic-cache-dir", "semantic-cache-threshold"],
    why: "there is no semantic cache: every request is answered by an engine, as one that the " +
      "cache does not know; a cache in front of this router is a service of its own",
  },
  {
    flags: ["sentry-dsn", "sentry-traces-sample-rate", "sentry-profile-session-sample-rate"],
    why: "nothing is sent to Sentry: failures are in the log and in GET /metrics",
  },
];

const BY_FLAG: ReadonlyMap<string, string> = new Map(
  REASONS.flatMap(({ flags, why }) => flags.map((flag) => [flag, why] as const)),
);

/** Why the flag of that name (without dashes) is ignored; undefined for those that work. */
export function reasonOf(flagName: string): string | undefined {
  return BY_FLAG.get(flagName);
}
