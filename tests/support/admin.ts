/** A router with an admin API on loopback, and requests to it. @module */
import type { RawEngine, RouterConfig } from "../../lib/config/mod.ts";
import { type RouterChanges, startRouter, type TestEngine, type TestRouter } from "./router.ts";

/** A running router, and the URL of its admin API. */
export interface AdminRouter extends TestRouter {
  readonly adminUrl: string;
}

/** What an answer of the API has in it. */
export interface AdminReply {
  readonly status: number;
  readonly headers: Headers;
  // deno-lint-ignore no-explicit-any
  readonly json: any;
}

/** Keys and listener of an API that anybody on this machine may use. */
export const OPEN_ADMIN: NonNullable<RouterConfig["admin"]> = {
  listen: { host: "127.0.0.1", port: 0 },
  loopback: true,
  keys: { given: [] },
};

/**
 * Start a router whose configuration lists `raw`; `kinds` are engines that say what the router is started
 * for, and are not there.
 */
export async function startAdminRouter(
  raw: readonly RawEngine[],
  changes: RouterChanges = {},
  kinds: readonly TestEngine[] = [],
): Promise<AdminRouter> {
  const router = await startRouter(kinds, {
    admin: OPEN_ADMIN,
    discovery: {
      rules: { usual: "none", labels: { prefill: [], decode: [] }, linkLocal: false },
      listed: raw.map((engine) => ({ where: `test ${engine.url}`, raw: engine })),
    },
    ...changes,
    ports: { ...changes.ports, sources: [] },
  });
  const { admin } = router.app;
  return { ...router, adminUrl: `http://127.0.0.1:${admin?.port}` };
}

/** Ask the API at `url`; a body is sent as JSON. */
export async function ask(
  url: string,
  method: string,
  path: string,
  { body, headers = {} }: { readonly body?: unknown; readonly headers?: Record<string, string> } =
    {},
): Promise<AdminReply> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const answer = await fetch(url + path, {
    method,
    headers: { "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: text }),
  });
  const told = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    json: told === "" ? undefined : JSON.parse(told),
  };
}
