/** Where the router's engines are found: the book of them, and its sources. @module */
import type { Clock, Logger, Random } from "./base/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import { DnsSource, EngineBook, listedSource } from "./discovery/mod.ts";
import { askingOnly, type DnsNet, platformDnsNet, Resolver } from "./dns/mod.ts";

/** The source of engines that the configuration lists. */
const CONFIGURATION = "configuration";

/** What sources work with. */
export interface SourceParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Sockets to DNS servers; the platform's when absent. */
  readonly dnsNet?: DnsNet | undefined;
}

/** A book that follows every source of `config`. */
export function openBook(
  { discovery: { rules, listed, dns } }: Pick<RouterConfig, "discovery">,
  parts: SourceParts,
): EngineBook {
  const { clock, random, log, dnsNet: net = platformDnsNet() } = parts;
  const book = new EngineBook({ log, rules });
  book.follow(
    listedSource(CONFIGURATION, listed.map(({ where, raw }) => ({ key: raw.url, where, raw }))),
  );
  if (dns !== undefined) {
    const conf = dns.servers.length === 0 ? undefined : askingOnly(dns.servers);
    const resolver = new Resolver({ net, clock, random, conf });
    book.follow(new DnsSource(dns, { clock, random, resolver }));
  }
  return book;
}
