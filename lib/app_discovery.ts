/** Where the router's engines are found: the book of them, and its sources. @module */
import type { Clock, Logger, Random } from "./base/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import {
  DnsSource,
  EngineBook,
  type Following,
  type FoundSource,
  type HandMarks,
  KubernetesSource,
  listedSource,
} from "./discovery/mod.ts";
import { askingOnly, type DnsNet, platformDnsNet, Resolver } from "./dns/mod.ts";
import type { Metrics } from "./metrics/mod.ts";
import { isSame } from "./reload/mod.ts";
import { createUpstreamClient, type Dial, type UpstreamClientOptions } from "./upstream/mod.ts";

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
  /** Engines that are told by hand. */
  readonly manual?: FoundSource | undefined;
  /** What was done by hand before, to engines that are still to be found. */
  readonly marks?: HandMarks | undefined;
}

/** One source, where a configuration has it. */
interface SourceKind {
  /** All that it goes by: where that is another, so is the source. Undefined where there is none. */
  readonly of: (config: Pick<RouterConfig, "discovery">) => unknown;
  readonly open: (config: Pick<RouterConfig, "discovery">, parts: SourceParts) => FoundSource;
}

/** Every source, by its name. */
const SOURCES: Readonly<Record<string, SourceKind>> = {
  // Also without engines: they may come.
  configuration: {
    of: ({ discovery: { listed } }) => listed,
    open: ({ discovery: { listed } }) =>
      listedSource(
        "configuration",
        listed.map(({ where, raw }) => ({ key: raw.url, where, raw })),
      ),
  },
  kubernetes: {
    // It gives roles by labels, which are of the rules.
    of: ({ discovery: { kubernetes, rules } }) => kubernetes && { kubernetes, rules },
    open: ({ discovery: { kubernetes, rules } }, parts) =>
      kubernetes === undefined
        ? listedSource("kubernetes", [])
        : new KubernetesSource(kubernetes, rules, kubernetesPorts(parts)),
  },
  dns: {
    of: ({ discovery: { dns } }) => dns,
    open: ({ discovery: { dns } }, { clock, random, dnsNet: net = platformDnsNet() }) => {
      if (dns === undefined) return listedSource("dns", []);
      const conf = dns.servers.length === 0 ? undefined : askingOnly(dns.servers);
      const resolver = new Resolver({ net, clock, random, conf });
      return new DnsSource(dns, { clock, random, resolver });
    },
  },
};

/** A book that follows every source of a configuration. */
export interface AppDiscovery extends AsyncDisposable {
  readonly book: EngineBook;
  /** Follow those of `config` instead: engines that are found again go on as they are. */
  apply(config: Pick<RouterConfig, "discovery">): void;
}

/** Begin with those of `config`. */
export function openDiscovery(
  config: Pick<RouterConfig, "discovery">,
  parts: SourceParts,
): AppDiscovery {
  const { log, manual, marks } = parts;
  const book = new EngineBook({ log, rules: config.discovery.rules, marks });
  const followed = new Map<string, { readonly following: Following; of: unknown }>();
  let { rules } = config.discovery;
  const follow = (next: Pick<RouterConfig, "discovery">): void => {
    for (const [name, { of: ofConfig, open }] of Object.entries(SOURCES)) {
      const of = ofConfig(next);
      const known = followed.get(name);
      if (of === undefined) {
        known?.following.end();
        followed.delete(name);
      } else if (known === undefined) {
        followed.set(name, { following: book.follow(open(next, parts)), of });
      } else if (!isSame(known.of, of)) {
        known.of = of;
        known.following.replace(open(next, parts));
      }
    }
  };
  follow(config);
  if (manual !== undefined) book.follow(manual);
  return {
    book,
    apply(next) {
      // Sources first: what they find is checked by the rules that come with them.
      follow(next);
      if (isSame(rules, next.discovery.rules)) return;
      rules = next.discovery.rules;
      book.recheck(rules);
    },
    [Symbol.asyncDispose]: () => book[Symbol.asyncDispose](),
  };
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
