/** Where the router's engines are found: the book of them, and its sources. @module */
import type { Clock, Logger, Random } from "./base/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import { DnsSource, EngineBook, KubernetesSource, listedSource } from "./discovery/mod.ts";
import { askingOnly, type DnsNet, platformDnsNet, Resolver } from "./dns/mod.ts";
import type { Metrics } from "./metrics/mod.ts";
import { createUpstreamClient, type Dial, type UpstreamClientOptions } from "./upstream/mod.ts";

/** The source of engines that the configuration lists. */
const CONFIGURATION = "configuration";

/** What sources work with. */
export interface SourceParts extends Pick<UpstreamClientOptions, "descriptors"> {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, "count">;
  /** Opens connections; the platform's sockets when absent. */
  readonly dial?: Dial | undefined;
  /** Sockets to DNS servers; the platform's when absent. */
  readonly dnsNet?: DnsNet | undefined;
}

/** A book that follows every source of `config`. */
export function openBook(
  { discovery }: Pick<RouterConfig, "discovery">,
  parts: SourceParts,
): EngineBook {
  const { rules, listed, kubernetes, dns } = discovery;
  const book = new EngineBook({ log: parts.log, rules });
  book.follow(
    listedSource(CONFIGURATION, listed.map(({ where, raw }) => ({ key: raw.url, where, raw }))),
  );
  if (kubernetes !== undefined) {
    book.follow(new KubernetesSource(kubernetes, rules, kubernetesPorts(parts)));
  }
  if (dns !== undefined) {
    const { clock, random, dnsNet: net = platformDnsNet() } = parts;
    const conf = dns.servers.length === 0 ? undefined : askingOnly(dns.servers);
    const resolver = new Resolver({ net, clock, random, conf });
    book.follow(new DnsSource(dns, { clock, random, resolver }));
  }
  return book;
}

type KubernetesPorts = ConstructorParameters<typeof KubernetesSource>[2];

/** The API server is no engine: it is shown no certificate, and may be at any address. */
function kubernetesPorts(
  { clock, random, metrics, dial, descriptors }: SourceParts,
): KubernetesPorts {
  const source = "kubernetes";
  return {
    clock,
    random,
    files: { stat: Deno.statSync, read: Deno.readTextFileSync },
    connect: (caCerts) =>
      createUpstreamClient({
        clock,
        caCerts,
        ...(descriptors === undefined ? {} : { descriptors }),
        ...(dial === undefined ? {} : { dial }),
      }),
    onEvent(event) {
      const name = event === "list"
        ? "pd_router_discovery_lists_total"
        : "pd_router_discovery_errors_total";
      metrics.count(name, { source });
    },
  };
}
