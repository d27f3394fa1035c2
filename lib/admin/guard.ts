/**
 * Who may use the admin API. A page in a browser of this machine may not, whatever name it has found for
 * the address, and neither may whoever has no key where keys are asked for.
 * @module
 */
import { Lease, RouterError } from "../base/mod.ts";
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

/** Let `request` in. Throws `forbidden`, `unauthorized`, `rate-limited`. */
export function letIn(
  { keys, loopback }: Pick<AdminDeps, "keys" | "loopback">,
  request: Asked,
): AdminVisit {
  const { headers, remote } = request;
  const host = headers.get("host");
  if (loopback && !isLoopback(nameIn(host ?? ""))) {
    throw new RouterError(
      "forbidden",
      "The request's 'Host' is no name of this machine: use 127.0.0.1, [::1] or localhost",
    );
  }
  // Browsers say from which page a request comes, wherever it goes; there is none that may.
  const site = headers.get("sec-fetch-site");
  if (headers.get("origin") !== undefined || (site !== undefined && site !== "none")) {
    throw new RouterError("forbidden", "Pages in browsers may not use the admin API");
  }
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

/** The name or address of a `Host` field, without brackets and port; empty for one that is none. */
function nameIn(host: string): string {
  const [, bracketed, name = ""] = /^(?:\[([\da-f:.]+)\]|([^:[\]]*))(?::\d*)?$/i.exec(host) ?? [];
  return bracketed ?? name;
}
