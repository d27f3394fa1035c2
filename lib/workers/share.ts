/** What one worker has of what is given to all of them. Pure. @module */
import type { RouterConfig } from "../config/mod.ts";
import type { Hello } from "./records.ts";

/** The worker that keeps files, works on batches, and tries pairs by handoffs of the router's own. */
export const LEAD = 1;

/**
 * The configuration of one worker. Bounds of the router as a whole are divided: clients, those who wait
 * for room, and bytes of request bodies, of which each has room for the largest body.
 */
export function workerConfig(
  config: RouterConfig,
  { number, count, port, adminPort }: Pick<Hello, "number" | "count" | "port" | "adminPort">,
): RouterConfig {
  const { batches, canary, admin, ...rest } = config;
  const { listen, clients, admission, buffers, maxRequestBytes } = config;
  const share = (all: number): number => Number.isFinite(all) ? Math.ceil(all / count) : all;
  return {
    ...rest,
    listen: { ...listen, port },
    clients: { ...clients, maxConnections: share(clients.maxConnections) },
    admission: { ...admission, queueSize: share(admission.queueSize) },
    buffers: { ...buffers, maxBytes: Math.max(share(buffers.maxBytes), maxRequestBytes) },
    ...(admin === undefined || adminPort === undefined
      ? {}
      : { admin: { ...admin, listen: { ...admin.listen, port: adminPort } } }),
    ...(batches === undefined || number !== LEAD ? {} : { batches }),
    ...(canary === undefined || number !== LEAD ? {} : { canary }),
  };
}
