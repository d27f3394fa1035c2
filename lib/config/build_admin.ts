/** The admin API from settings, and what is wrong with them. @module */
import { parseAddress, sha256 } from "../base/mod.ts";
import { type AdminAddress, type AdminOptions, isLoopback } from "./admin.ts";
import type { Problem } from "./problem.ts";
import type { Settings } from "./settings.ts";
import { type Parsed, parseHost } from "./value.ts";

/** The options of the admin API; none where it is off. */
export function adminOptions(settings: Settings): { readonly admin?: AdminOptions } {
  const text = settings.optional("admin-listen");
  const listen = text === undefined ? undefined : parseListen(text);
  if (listen?.ok !== true) return {};
  const file = settings.optional("admin-api-keys-file");
  return {
    admin: {
      listen: listen.value,
      loopback: isLoopback(listen.value.host),
      keys: {
        given: [...new Set(settings.list("admin-api-key"))].map(sha256),
        ...(file === undefined ? {} : { file }),
      },
    },
  };
}

/** What does not fit together. */
export function adminProblems(settings: Settings): readonly Problem[] {
  const problems: Problem[] = [];
  const { where, value } = settings.get("admin-listen");
  const text = value === undefined ? undefined : String(value);
  const listen = text === undefined ? undefined : parseListen(text);
  if (text !== undefined && listen?.ok === false) {
    problems.push({ key: where, value: text, message: listen.message });
  }
  const keys = settings.list("admin-api-key");
  if (!keys.every((key) => /^[\x21-\x7e]+$/.test(key))) {
    const message = "a key holds characters that an HTTP header cannot";
    problems.push({ key: settings.get("admin-api-key").where, message });
  }
  const keyed = keys.length > 0 || settings.get("admin-api-keys-file").source !== "default";
  const isOpen = listen?.ok === true && !isLoopback(listen.value.host) && !keyed;
  if (text !== undefined && isOpen && !settings.on("admin-insecure")) {
    const message = "others than this machine reach that address: add --admin-api-key or " +
      "--admin-api-keys-file, listen on 127.0.0.1, or say --admin-insecure";
    problems.push({ key: where, value: text, message });
  }
  for (const name of ["admin-api-key", "admin-api-keys-file", "admin-insecure"] as const) {
    const setting = settings.get(name);
    if (value !== undefined || setting.source !== "flag") continue;
    problems.push({ key: setting.where, message: "needs --admin-listen" });
  }
  return problems;
}

/** `HOST:PORT`, or a port of this machine alone. */
function parseListen(text: string): Parsed<AdminAddress> {
  const [, bracketed, name, digits = ""] =
    /^(?:(?:\[([^\]]*)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? name ?? "127.0.0.1";
  const port = Number(digits);
  const fits = digits !== "" && port <= 65_535 && parseHost(host).ok &&
    (bracketed === undefined || (bracketed.includes(":") && parseAddress(bracketed) !== undefined));
  return fits ? { ok: true, value: { host, port } } : {
    ok: false,
    message: "expected an address and a port, such as 127.0.0.1:8002 or [::1]:8002",
  };
}
