/**
 * Who may use the admin API. Of pages in browsers the router's own may, and no other, whatever name it
 * has found for the address; nor may whoever has no key where keys are asked for.
 * @module
 */
import { Lease, parseAddress, RouterError } from "../base/mod.ts";
import { isLoopback } from "../config/mod.ts";
import { shownKeys } from "../doors/mod.ts";
import type { FrontRequest } from "../front/mod.ts";
import type { AdminDeps } from "./admin_deps.ts";

/** Somebody who was let in, until the answer has been given. */
export interface AdminVisit extends Disposable {
  /** For the log. */
  readonly by: string;
}

type Asked = Pick<FrontRequest, "method" | "headers" | "remote">;

/** What it goes by. */
export type GuardDeps = Pick<AdminDeps, "keys" | "loopback" | "host">;

/** Let `request` in. Throws `forbidden`, `unauthorized`, `rate-limited`. */
export function letIn(deps: GuardDeps, request: Asked): AdminVisit {
  const { keys } = deps;
  const { headers, remote } = request;
  checkHost(deps, headers);
  checkPage(deps, headers);
  const address = `${remote.hostname}:${remote.port}`;
  if (keys === undefined) return { by: address, [Symbol.dispose]: () => {} };
  const shown = shownKeys(headers);
  for (const key of shown) {
    const state = keys.find(key);
    if (state === undefined) continue;
    const running = state.enter();
    if (!(running instanceof Lease)) throw running.error;
    return { by: `${address} ${state.name}`, [Symbol.dispose]: () => running.release() };
  }
  const message = shown.length === 0
    ? "A key is needed: send it as 'Authorization: Bearer KEY'"
    : "The key is not known here";
  throw new RouterError("unauthorized", message, {
    fields: [["www-authenticate", 'Bearer realm="pd-router admin"']],
  });
}

/** Requests that change something say that they are JSON, which no form of a page can. */
export function checkType({ method, headers }: Asked): void {
  if (method !== "POST" && method !== "PATCH") return;
  const type = headers.get("content-type") ?? "";
  if (/^application\/(?:merge-patch\+)?json\s*(?:;|$)/i.test(type.trim())) return;
  throw new RouterError(
    "unsupported-type",
    `${method} needs 'Content-Type: application/json'${type === "" ? "" : `, not '${type}'`}`,
  );
}

/**
 * Let whoever asks for a file of the page see it: it tells nothing of the router, and asks for the key by
 * itself. It may be opened from elsewhere, by a link, but be no part of another page. Throws `forbidden`.
 */
export function letSeePage(deps: GuardDeps, { headers }: Pick<Asked, "headers">): void {
  checkHost(deps, headers);
  const opened = headers.get("sec-fetch-mode") === "navigate" &&
    headers.get("sec-fetch-dest") === "document";
  if (!opened) checkPage(deps, headers);
}

/** Other names of this machine are somebody's trick (DNS rebinding). */
function checkHost({ loopback }: GuardDeps, headers: Asked["headers"]): void {
  if (!loopback || isLoopback(nameIn(headers.get("host") ?? ""))) return;
  throw new RouterError(
    "forbidden",
    "The request's 'Host' is no name of this machine: use 127.0.0.1, [::1] or localhost",
  );
}

/**
 * Browsers say from which page a request comes, wherever it goes. The router's own page comes from where
 * it asks, and from a name that is meant for it: whoever owns another could have it lead here.
 */
function checkPage({ keys, host: own }: GuardDeps, headers: Asked["headers"]): void {
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site");
  if (origin === undefined && (site === undefined || site === "none")) return;
  const host = headers.get("host")?.toLowerCase();
  const isOwn = (site === undefined || site === "same-origin") && host !== undefined &&
    (origin === undefined || origin === `http://${host}` || origin === `https://${host}`);
  if (!isOwn) {
    throw new RouterError("forbidden", "Pages in browsers may not use the admin API, but its own");
  }
  // A page under a stolen name has no key to show.
  if (keys !== undefined || isMeant(nameIn(host), own)) return;
  throw new RouterError(
    "forbidden",
    "Without a key, pages may use the admin API under an address or the name of --admin-listen alone",
  );
}

/** Addresses cannot be made to lead elsewhere, as names can. */
function isMeant(name: string, own: string | undefined): boolean {
  return parseAddress(name) !== undefined || isLoopback(name) || name === own?.toLowerCase();
}

/** The name or address of a `Host` field, without brackets and port; empty for one that is none. */
function nameIn(host: string): string {
  const [, bracketed, name = ""] = /^(?:\[([\da-f:.]+)\]|([^:[\]]*))(?::\d*)?$/i.exec(host) ?? [];
  return bracketed ?? name;
}
