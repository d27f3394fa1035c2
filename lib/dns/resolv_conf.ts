/** What `/etc/resolv.conf` says (resolv.conf(5)). @module */
import { parseAddress } from "../base/mod.ts";

/** A server that is asked. */
export interface DnsServer {
  /** An address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Who is asked, how, and what is put behind names. */
export interface ResolvConf {
  /** In this order; one at least. */
  readonly servers: readonly DnsServer[];
  readonly search: readonly string[];
  /** A name with fewer dots is tried with `search` first. */
  readonly ndots: number;
  /** For one server's answer. */
  readonly timeoutMs: number;
  /** How often each server is asked. */
  readonly attempts: number;
  /** Ask by TCP alone. */
  readonly tcp: boolean;
}

const PORT = 53;

/** As in glibc: more servers are not asked, and larger numbers not believed. */
const MOST_SERVERS = 3;
const MOST_NDOTS = 15;
const MOST_TIMEOUT = 30;
const MOST_ATTEMPTS = 5;
const MOST_SEARCHED = 32;

/** Read the text of such a file; what it says nothing of is as in glibc. Total. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: DnsServer[] = [];
  let search: readonly string[] = [];
  const options = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [key = "", ...values] = line.replace(/[#;].*$/, "").trim().split(/\s+/);
    const [first = ""] = values;
    if (key === "nameserver" && isServer(first)) servers.push({ host: first, port: PORT });
    else if (key === "domain" || key === "search") search = key === "domain" ? [first] : values;
    else if (key === "options") {
      for (const option of values) {
        const [name = "", value = ""] = option.split(":");
        options.set(name, value);
      }
    }
  }
  const number = (name: string, least: number, usual: number, most: number): number => {
    const value = options.get(name) ?? "";
    return /^\d+$/.test(value) ? Math.min(Math.max(Number(value), least), most) : usual;
  };
  return {
    servers: servers.length > 0
      ? servers.slice(0, MOST_SERVERS)
      : [{ host: "127.0.0.1", port: PORT }],
    search: search.filter((domain) => domain !== "").slice(0, MOST_SEARCHED),
    ndots: number("ndots", 0, 1, MOST_NDOTS),
    timeoutMs: number("timeout", 1, 5, MOST_TIMEOUT) * 1000,
    attempts: number("attempts", 1, 2, MOST_ATTEMPTS),
    tcp: options.has("use-vc"),
  };
}

/** How `servers` are asked where no file says so: names are whole, and answers come soon. */
export function askingOnly(servers: readonly DnsServer[]): ResolvConf {
  return { servers, search: [], ndots: 1, timeoutMs: 2000, attempts: 2, tcp: false };
}

/** The names that `name` may stand for, in the order in which they are tried; one at least. */
export function candidates(name: string, { search, ndots }: ResolvConf): readonly string[] {
  if (name.endsWith(".")) return [name];
  const searched = search.map((domain) => domain === "." ? name : `${name}.${domain}`);
  const dots = name.split(".").length - 1;
  return [...new Set(dots >= ndots ? [name, ...searched] : [...searched, name])];
}

function isServer(text: string): boolean {
  return parseAddress(text) !== undefined;
}
