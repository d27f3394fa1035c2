/**
 * How a process's file descriptors are shared out: among clients, engines, prefill ranks that notify, and
 * what is held back.
 * @module
 */

/** Most connections of a kind, where there are descriptors for more. */
export const MOST_CONNECTIONS = 16_384;

/** What the process has open besides connections: streams, queues of the runtime, listeners, files. */
const OWN = 32;

/** Held back for engines: so many of those there are, and so many at most. */
const RESERVE_SHARE = 1 / 16;
const MOST_RESERVE = 16;

/** For connections of prefill ranks, where they notify. */
const NOTIFICATION_SHARE = 1 / 8;
const LEAST_NOTIFICATIONS = 4;

/** How many descriptors what may have. */
export interface DescriptorShares {
  /** Connections of clients; each needs about one more, to an engine, while it is answered. */
  readonly clients: number;
  /** Connections for KV-ready notifications. */
  readonly notifications: number;
  /** Held back for connections to engines, and for listeners. */
  readonly reserve: number;
}

/** What is held back where the limit is not known. */
const UNKNOWN: DescriptorShares = {
  clients: MOST_CONNECTIONS,
  notifications: MOST_CONNECTIONS,
  reserve: MOST_RESERVE,
};

/**
 * The shares of `limit` descriptors, 0 where that is not known. At least one client is served, however
 * few there are.
 */
export function shareDescriptors(limit: number, notified: boolean): DescriptorShares {
  if (limit === 0) return UNKNOWN;
  const reserve = Math.min(MOST_RESERVE, Math.floor(limit * RESERVE_SHARE));
  const connections = Math.max(0, limit - OWN - reserve);
  const notifications = notified
    ? Math.max(LEAST_NOTIFICATIONS, Math.floor(connections * NOTIFICATION_SHARE))
    : 0;
  const clients = Math.floor((connections - notifications) / 2);
  return {
    clients: Math.max(1, Math.min(MOST_CONNECTIONS, clients)),
    notifications: Math.min(MOST_CONNECTIONS, notifications),
    reserve,
  };
}
