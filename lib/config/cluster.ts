/** Where replicas meet. @module */
import { describeError } from "../base/mod.ts";
import type { Parsed } from "./value.ts";

/** A Redis or a Valkey, and what replicas call theirs in it. */
export interface ClusterOptions extends ClusterServer {
  /** In front of all keys and channels. */
  readonly name: string;
}

/** A server, and who one is to it. */
export interface ClusterServer {
  /** Name or address; that of IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username?: string;
  /** Never to be printed. */
  readonly password?: string;
  readonly database: number;
}

const DEFAULT_PORT = 6379;

/** `host:port` of a server, as it may be shown. */
export function clusterAddress({ host, port }: Pick<ClusterServer, "host" | "port">): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** `text` as a server's URL, or why it is none; no message tells a password. */
export function parseClusterUrl(text: string): Parsed<ClusterServer> {
  if (!/^rediss?:\/\/[^/]/.test(text) || !URL.canParse(text)) {
    return bad("expected a URL such as redis://10.0.0.5:6379/0");
  }
  const url = new URL(text);
  if (url.hostname === "") return bad("the host is missing");
  if (url.search !== "" || url.hash !== "") return bad("a query or fragment is refused");
  const [, database] = /^\/?(\d{0,4})$/.exec(url.pathname) ?? [];
  if (database === undefined) return bad("expected the number of a database behind the host");
  let username: string;
  let password: string;
  try {
    [username, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  } catch (error) {
    return bad(`the user name or the password cannot be read: ${describeError(error)}`);
  }
  return {
    ok: true,
    value: {
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port === "" ? DEFAULT_PORT : Number(url.port),
      tls: url.protocol === "rediss:",
      ...(username === "" ? {} : { username }),
      ...(password === "" ? {} : { password }),
      database: Number(database),
    },
  };
}

function bad(message: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message };
}
