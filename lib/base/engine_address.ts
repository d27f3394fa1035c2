/**
 * Addresses at which no engine is, but what a machine tells its own programs: a cloud's metadata
 * service hands out credentials to whoever asks, the router too.
 * @module
 */
import { isWithin, type Network, parseNetwork } from "./cidr.ts";
import { type IpAddress, parseAddress } from "./ip.ts";

/** Networks of such addresses, and what they are. */
const REFUSED_NETWORKS = [
  ["169.254.0.0/16", "link-local"],
  ["fe80::/10", "link-local"],
  ["fd00:ec2::254", "a cloud's metadata service"],
  ["fd20:ce::254", "a cloud's metadata service"],
  ["100.100.100.200", "a cloud's metadata service"],
  ["168.63.129.16", "a cloud's metadata service"],
  ["192.0.0.192", "a cloud's metadata service"],
] as const;

const TABLE: readonly (readonly [network: Network, what: string])[] = REFUSED_NETWORKS.flatMap(
  ([text, what]) => {
    const network = parseNetwork(text);
    return network === undefined ? [] : [[network, what] as const];
  },
);

/** Names of metadata services. */
const REFUSED_NAMES: ReadonlySet<string> = new Set([
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "metadata.azure.internal",
  "metadata.azure.com",
  "metadata.tencentyun.com",
  "metadata.platformequinix.com",
  "instance-data",
  "instance-data.ec2.internal",
]);

/** Prefixes behind which an IPv6 address has the IPv4 one that it leads to, and where that stands. */
const EMBEDDING = [
  // NAT64 (RFC 6052), IPv4-compatible addresses, 6to4 (RFC 3056).
  ["64:ff9b::/96", 12],
  ["::/96", 12],
  ["2002::/16", 2],
] as const;

/** What `address`, of a peer or in a URL, must not be for an engine; undefined when it may be. */
export function addressProblem(address: string): string | undefined {
  const parsed = parseAddress(address);
  if (parsed === undefined) return undefined;
  for (const candidate of [parsed, ...embeddedIn(parsed)]) {
    const row = TABLE.find(([network]) => isWithin(candidate, network));
    if (row !== undefined) return row[1];
  }
  return undefined;
}

/**
 * Why the engine at `url` is refused where such engines are not allowed; undefined when it is not, or
 * when `url` is no URL. A name is not looked up: what it leads to is seen when it is connected to.
 */
export function engineAddressProblem(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { hostname } = new URL(url);
  const name = hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "").toLowerCase();
  const what = REFUSED_NAMES.has(name) ? "a cloud's metadata service" : addressProblem(name);
  return what === undefined
    ? undefined
    : `the address is ${what}, which no engine should be (--allow-link-local-engines allows it)`;
}

function embeddedIn(address: IpAddress): readonly IpAddress[] {
  return EMBEDDING.flatMap(([prefix, at]) => {
    const network = parseNetwork(prefix);
    return network !== undefined && isWithin(address, network) ? [address.slice(at, at + 4)] : [];
  });
}
