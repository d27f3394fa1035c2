/** The fields by which clients show keys. @module */
import type { FrontHeaders } from "./visitor.ts";

/** Fields that hold a client's key; with keys of the router's own they go no further. */
export const KEY_FIELDS: ReadonlySet<string> = new Set(["authorization", "x-api-key"]);

/** Most keys looked at in one request: each costs two digests. */
const MAX_SHOWN = 2;

/** The keys a client shows: OpenAI's clients as a bearer token, Anthropic's as `x-api-key`. */
export function shownKeys(headers: FrontHeaders): readonly string[] {
  const bearer = /^bearer +([^ ]+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  const own = headers.get("x-api-key")?.trim();
  return [bearer, own].flatMap((key) => key === undefined || key === "" ? [] : [key])
    .slice(0, MAX_SHOWN);
}
