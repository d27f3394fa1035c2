/**
 * Who is told to have sent a request: the fields by which proxies tell of clients. They are believed of
 * proxies that are trusted alone, since anybody can write them. Pure.
 *
 * Source: RFC 7239 for `Forwarded`; the others are custom.
 * @module
 */
import { isAmong, type Network, parseAddress, plainAddress } from "../base/mod.ts";
import type { HeaderField } from "../upstream/mod.ts";
import type { Visitor } from "./visitor.ts";

/** Proxies in a row that are looked through, at most. */
const MAX_HOPS = 32;

const [X, F] = [0x78, 0x66] as const;

/** Whether `name`, in lower case, tells of a client. */
export function isForwardingField(name: string): boolean {
  const first = name.charCodeAt(0);
  if (first === X) return name.startsWith("x-forwarded-") || name === "x-real-ip";
  return first === F && name === "forwarded";
}

/** What is known of this hop. */
export interface Hop {
  /** Whose fields are believed. */
  readonly trusted: readonly Network[];
  /** The client came by TLS. */
  readonly secure: boolean;
}

/** The fields of `visitor` that tell engines who has sent it: its own, if they are believed, and ours. */
export function forwardingFields(visitor: Visitor, { trusted, secure }: Hop): HeaderField[] {
  const { headers } = visitor;
  const remote = plainAddress(visitor.remote.hostname);
  const believed = isAmong(remote, trusted);
  const host = headers.get("host");
  const proto = secure ? "https" : "http";
  const port = host === undefined ? undefined : portOf(host, secure);
  const before = believed ? headers.get("x-forwarded-for") : undefined;
  const own: readonly (readonly [name: string, value: string | undefined])[] = [
    ["x-forwarded-proto", proto],
    ["x-forwarded-host", host],
    ["x-forwarded-port", port],
    ["x-real-ip", clientAddress(visitor, trusted)],
  ];
  const fields: HeaderField[] = [["x-forwarded-for", joined(before, remote)]];
  for (const [name, value] of own) {
    const kept = (believed ? headers.get(name) : undefined) ?? value;
    if (kept !== undefined) fields.push([name, kept]);
  }
  const element = elementOf(remote, host, proto);
  const chain = believed ? headers.get("forwarded") ?? elementsOf(before) : undefined;
  fields.push(["forwarded", joined(chain, element)]);
  if (!believed) return fields;
  const known = new Set(fields.map(([name]) => name));
  for (const field of headers) {
    if (isForwardingField(field[0]) && !known.has(field[0])) fields.push(field);
  }
  return fields;
}

/**
 * The address of the client: behind proxies that are trusted, the first address that is not one of
 * theirs; the connection's own otherwise.
 */
export function clientAddress({ headers, remote }: Visitor, trusted: readonly Network[]): string {
  let client = plainAddress(remote.hostname);
  if (!isAmong(client, trusted)) return client;
  for (const hop of hopsOf(headers.get("x-forwarded-for") ?? "").reverse()) {
    if (hop === undefined) break;
    client = hop;
    if (!isAmong(client, trusted)) break;
  }
  return client;
}

/** The addresses of `X-Forwarded-For`, the last ones; undefined for what is none. */
function hopsOf(value: string): (string | undefined)[] {
  if (value.trim() === "") return [];
  return value.split(",").slice(-MAX_HOPS).map((text) => {
    const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text.trim())?.[1] ??
      text.trim().replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
    return parseAddress(bare) === undefined ? undefined : plainAddress(bare);
  });
}

function joined(before: string | undefined, own: string): string {
  return before === undefined || before.trim() === "" ? own : `${before}, ${own}`;
}

function portOf(host: string, secure: boolean): string {
  return /:(\d+)$/.exec(host)?.[1] ?? (secure ? "443" : "80");
}

function elementOf(address: string, host: string | undefined, proto: string): string {
  const parts = [`for=${nodeOf(address)}`];
  if (host !== undefined && host !== "") {
    parts.push(`host=${/^[\w.-]+$/.test(host) ? host : quoted(host)}`);
  }
  return [...parts, `proto=${proto}`].join(";");
}

/** `Forwarded` of a proxy that tells of clients by `X-Forwarded-For` alone. */
function elementsOf(forwardedFor: string | undefined): string | undefined {
  const hops = hopsOf(forwardedFor ?? "");
  return hops.length === 0
    ? undefined
    : hops.map((hop) => `for=${hop === undefined ? "unknown" : nodeOf(hop)}`).join(", ");
}

function nodeOf(address: string): string {
  return address.includes(":") ? quoted(`[${address}]`) : address;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
