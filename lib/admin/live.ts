/** The stream of what goes on. @module */
import { RouterError } from "../base/mod.ts";
import { MAX_READERS } from "../observe/mod.ts";
import type { AdminAnswer, AdminAsk, AdminDeps } from "./admin_deps.ts";

/** Longest time between two events, in seconds. */
export const MOST_INTERVAL = 60;

/** Begin a stream. Throws `rate-limited` where too many read. */
export function live({ live }: AdminDeps, { query, signal }: AdminAsk): AdminAnswer {
  const events = live.open(Number(query.get("interval") ?? 1) * 1000);
  if (events === undefined) {
    throw new RouterError("rate-limited", `${MAX_READERS} read /admin/live: close one first`);
  }
  if (signal.aborted) events.cancel();
  return { events };
}
