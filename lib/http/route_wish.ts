/** The way that a client asks for. @module */
import { RouterError } from "../base/mod.ts";
import { ROUTE_WISHES, type RouteWish } from "../flow/mod.ts";

/** The field in which it says so; it is for the router alone. */
export const ROUTE_FIELD = "x-pd-route";

/** Longest part of a wrong value that is told, in characters. */
const SHOWN = 40;

/**
 * What a client asks for, where clients are `allowed` to; undefined for nothing. Throws `bad-request`
 * for a value that is none.
 */
export function routeWishOf(
  headers: { get(name: string): string | null | undefined },
  allowed: boolean,
): RouteWish | undefined {
  const given = headers.get(ROUTE_FIELD);
  if (!allowed || given === undefined || given === null) return undefined;
  const wish = ROUTE_WISHES.find((known) => known === given.trim().toLowerCase());
  if (wish !== undefined) return wish;
  throw new RouterError(
    "bad-request",
    `${ROUTE_FIELD} must be ${ROUTE_WISHES.join(" or ")}, received "${given.slice(0, SHOWN)}"`,
    { param: ROUTE_FIELD },
  );
}
