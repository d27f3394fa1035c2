/**
 * What pages of other origins may do with the router (CORS).
 *
 * Source: https://fetch.spec.whatwg.org/#http-cors-protocol
 * @module
 */
import type { AllowedOrigins } from "../config/mod.ts";
import type { FrontRequest } from "../front/mod.ts";
import type { Answer } from "../request/mod.ts";

/** Fields that pages may read besides those that any page may. */
const EXPOSED = [
  "x-request-id",
  "request-id",
  "retry-after",
  "x-ratelimit-limit-requests",
  "x-ratelimit-limit-tokens",
  "x-ratelimit-remaining-requests",
  "x-ratelimit-remaining-tokens",
  "x-ratelimit-reset-requests",
  "x-ratelimit-reset-tokens",
].join(", ");

/** How long a browser may go by the answer to a preflight, in seconds. */
const MAX_AGE = "600";

/** Most characters of a preflight's list of fields. */
const MAX_FIELDS = 4_096;

/** Names of fields, separated by commas. */
const FIELD_LIST = /^[\w!#$%&'*+.^`|~, \t-]*$/;

type Asking = Pick<FrontRequest, "method" | "headers">;

/** The answer to a browser that asks whether a page may send a request; undefined to any other. */
export function preflight(
  origins: AllowedOrigins,
  { method, headers }: Asking,
): Answer | undefined {
  if (method !== "OPTIONS" || headers.get("access-control-request-method") === undefined) {
    return undefined;
  }
  const origin = allowedOrigin(origins, headers.get("origin"));
  if (origin === undefined) return undefined;
  const fields = headers.get("access-control-request-headers") ?? "";
  const allowed = fields.length <= MAX_FIELDS && FIELD_LIST.test(fields) ? fields : "";
  return {
    status: 204,
    headers: [
      ["access-control-allow-origin", origin],
      ["access-control-allow-methods", "GET, HEAD, POST"],
      ...(allowed === "" ? [] : [["access-control-allow-headers", allowed] as const]),
      ["access-control-max-age", MAX_AGE],
      ["vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"],
    ],
    body: new Uint8Array(0),
  };
}

/**
 * The fields of an answer for whoever asks. What an engine says of origins goes: it says so of its own
 * address, not of the router's.
 */
export function corsHeaders(
  origins: AllowedOrigins,
  asked: Asking["headers"],
  answered: Answer["headers"],
): Answer["headers"] {
  const own = answered.some(isCors) ? answered.filter((field) => !isCors(field)) : answered;
  if (origins.length === 0) return own;
  const origin = allowedOrigin(origins, asked.get("origin"));
  if (origin === undefined) return [...own, ["vary", "Origin"]];
  return [
    ...own,
    ["vary", "Origin"],
    ["access-control-allow-origin", origin],
    ["access-control-expose-headers", EXPOSED],
  ];
}

function isCors([name]: Answer["headers"][number]): boolean {
  return name.toLowerCase().startsWith("access-control-");
}

/** How an answer names `origin`; undefined where its pages may not have it. */
function allowedOrigin(origins: AllowedOrigins, origin: string | undefined): string | undefined {
  if (origin === undefined) return undefined;
  if (origins === "*") return "*";
  return origins.includes(origin) ? origin : undefined;
}
