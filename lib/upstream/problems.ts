/**
 * What goes wrong between the router and an engine, and the errors that say so.
 * @module
 */
import { RouterError } from "../base/mod.ts";
import type { Origin } from "./origin.ts";

/** The engine ended or reset the connection before the end of its response. */
export class LostConnection extends Error {
  override readonly name = "LostConnection";
}

/** No usable connection could be made. `why` is a phrase such as `connection refused`. */
export function unreachable(origin: Origin, why: string, cause?: unknown): RouterError {
  return new RouterError(
    "upstream-unreachable",
    `Cannot reach engine ${origin.url}: ${why}`,
    cause === undefined ? {} : { cause },
  );
}

/** There is no descriptor for a connection, and nothing more that could be given up for one. */
export function crowded(cause: unknown): RouterError {
  return new RouterError(
    "overloaded",
    "The router has no file descriptor left for a connection to an engine",
    { cause },
  );
}

/** The bytes of a response are not HTTP/1.1, or are beyond a limit, or stop too early. */
export function badResponse(origin: Origin, why: string, cause?: unknown): RouterError {
  return new RouterError(
    "upstream-protocol",
    `Cannot read the response of engine ${origin.url}: ${why}`,
    cause === undefined ? {} : { cause },
  );
}

/** A kept connection ended before a response to a request that must not be sent again. */
export function lost(origin: Origin, cause: unknown): RouterError {
  return new RouterError(
    "upstream-lost",
    `Engine ${origin.url} closed a kept connection before it answered`,
    { cause },
  );
}

/** An engine stayed silent for too long. `what` is what did not come, e.g. `response head`. */
export function timedOut(origin: Origin, what: string, limitMs: number): RouterError {
  return new RouterError(
    "upstream-timeout",
    `Engine ${origin.url} sent no ${what} for ${limitMs} ms`,
  );
}

/** The request's signal has aborted. */
export function aborted(origin: Origin, reason: unknown): RouterError {
  return new RouterError("client-gone", `Request to engine ${origin.url} was aborted`, {
    cause: reason,
  });
}

/** The response was given back before its end, while or before it was read. */
export function disposedEarly(origin: Origin): RouterError {
  return new RouterError(
    "client-gone",
    `Response of engine ${origin.url} was disposed before its end`,
  );
}

/** The upstream client has been disposed. */
export function shuttingDown(origin: Origin): RouterError {
  return new RouterError(
    "shutting-down",
    `Request to engine ${origin.url} ended early: the router is shutting down`,
  );
}

/** The engine has been asked whether it is there, and has not answered. */
export function silent(origin: Origin): RouterError {
  return new RouterError("upstream-timeout", `Engine ${origin.url} shows no sign of life`);
}
