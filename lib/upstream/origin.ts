/**
 * The URL of an engine, taken apart once: where to connect and what to write into a request.
 * @module
 */
import { RouterError } from "../base/mod.ts";

/** Where an engine listens. */
export interface Origin {
  /** Scheme, authority and base path without a trailing slash: the engine's name in messages. */
  readonly url: string;
  readonly secure: boolean;
  /** Host name or IP address; IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Value of the `Host` field: IPv6 in brackets, the scheme's default port left out. */
  readonly host: string;
  /** Put in front of every request path; empty or `/…` without a trailing slash. */
  readonly basePath: string;
}

/**
 * Takes an engine's URL apart.
 * Throws `RouterError` `upstream-unreachable` when it is not a plain http or https URL.
 */
export function parseOrigin(text: string): Origin {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // What stands before an `@` may be a password.
  const shown = JSON.stringify(text.slice(text.lastIndexOf("@") + 1));
  if (url === undefined) throw unusable(shown, "it is not a URL");
  const secure = url.protocol === "https:";
  if (!secure && url.protocol !== "http:") {
    throw unusable(shown, "the scheme must be http or https");
  }
  if (url.username !== "" || url.password !== "") {
    // The text is left out: it holds a password.
    throw unusable(`of host ${url.host}`, "user information is not allowed");
  }
  if (url.search !== "" || url.hash !== "") {
    throw unusable(JSON.stringify(text), "a query or fragment is not allowed");
  }
  if (url.port === "0") throw unusable(JSON.stringify(text), "port 0 cannot be connected to");
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const basePath = url.pathname.replace(/\/+$/, "");
  return {
    url: `${url.protocol}//${url.host}${basePath}`,
    secure,
    hostname,
    port,
    host: url.host,
    basePath,
  };
}

function unusable(which: string, why: string): RouterError {
  return new RouterError("upstream-unreachable", `Cannot use engine URL ${which}: ${why}`);
}
