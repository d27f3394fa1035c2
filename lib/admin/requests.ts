/** Operations on requests: list those that are known, look at one. @module */
import { RouterError } from "../base/mod.ts";
import { requestDetail, type RequestList, requestView } from "../observe/mod.ts";
import type { RequestOutcome, RequestTrace } from "../request/mod.ts";
import type { AdminAnswer, AdminAsk, AdminDeps } from "./admin_deps.ts";

/** Requests that are listed when nothing is said, and at most. */
export const USUAL_LISTED = 100;
export const MOST_LISTED = 1_000;

/** How requests end. */
export const OUTCOMES: readonly RequestOutcome[] = [
  "ok",
  "client_error",
  "server_error",
  "stream_error",
  "client_gone",
];

/** Of one id, so many at most. */
export const MOST_ALIKE = 20;

/** What engines' ids of attempts have behind the client's. */
const ATTEMPT = /-[0-9a-f]{16}$/;

/** Requests that are under way or kept, by what is asked. */
export function listRequests({ kept, view }: AdminDeps, { query }: AdminAsk): AdminAnswer {
  const limit = Number(query.get("limit") ?? USUAL_LISTED);
  const before = Number(query.get("before") ?? Infinity);
  const found = known(kept).filter((trace) => trace.seq < before && fits(view, query, trace));
  const value: RequestList = {
    requests: found.slice(0, limit).map((trace) => requestView(view, trace)),
    under_way: kept.underWay.size,
    kept: kept.recent.size,
    capacity: kept.recent.capacity,
  };
  return { status: 200, value };
}

/** All requests of an id. Throws `not-found`. */
export function requestsOf({ kept, view }: AdminDeps, { id }: AdminAsk): AdminAnswer {
  const all = known(kept);
  const of = (name: string): readonly RequestTrace[] => all.filter((trace) => trace.id === name);
  const seq = /^\d{1,15}$/.test(id) ? Number(id) : NaN;
  const found = [
    of(id),
    all.filter((trace) => trace.seq === seq),
    of(id.replace(ATTEMPT, "")),
    all.filter(({ traceId }) => traceId !== undefined && traceId === id),
  ].find(({ length }) => length > 0);
  if (found === undefined) {
    const { size, capacity } = kept.recent;
    throw new RouterError(
      "not-found",
      `No request '${id.slice(0, 200)}' is under way or among the last ${size} that have ended; ` +
        `${capacity} are kept (--keep-requests)`,
      { param: "id" },
    );
  }
  const told = found.slice(0, MOST_ALIKE).map((trace) => requestDetail(view, trace));
  return { status: 200, value: { requests: told } };
}

/** All that are known, the one that came last first. */
function known({ underWay, recent }: AdminDeps["kept"]): readonly RequestTrace[] {
  return [...underWay, ...recent.latest()].sort((one, other) => other.seq - one.seq);
}

function fits(view: AdminDeps["view"], query: AdminAsk["query"], trace: RequestTrace): boolean {
  const is = (name: string, value: string | undefined): boolean =>
    !query.has(name) || query.get(name) === value;
  if (!trace.id.startsWith(String(query.get("id") ?? ""))) return false;
  if (!is("model", trace.model) || !is("route", trace.route)) return false;
  if (!is("outcome", trace.end?.outcome)) return false;
  if (!is("state", trace.end === undefined ? "under_way" : "ended")) return false;
  if (!query.has("engine")) return true;
  const { prefill, decode } = requestView(view, trace);
  return query.get("engine") === prefill || query.get("engine") === decode;
}
