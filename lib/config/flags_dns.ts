/** Flags of engines that are found by DNS. @module */
import type { Flag, FlagGroup } from "./flag.ts";

/** What `--dns-type` may be. */
export const DNS_TYPES = ["a", "aaaa", "srv"] as const;

const PORT = [1, 65_535] as const;
/** A tenth of a second to a day. */
const PERIOD = [0.1, 86_400] as const;

/** Which names, and how often. */
export const DNS_FLAGS = {
  title: "Engines by DNS",
  flags: [
    {
      name: "dns-name",
      type: "specs",
      help:
        "A name whose addresses are engines: 'NAME;role=prefill;port=8000;type=a;scheme=http', " +
        "everything but the name optional, and the keys of --prefill, --decode and --both (but for " +
        "host) for all of its engines; repeatable. Implies --service-discovery dns, and with roles " +
        "what --prefill, --decode and --both imply",
    },
    {
      name: "dns-type",
      type: "string",
      choices: DNS_TYPES,
      default: "a",
      help:
        "Records that are asked for, for names that say no other: addresses of IPv4, of IPv6, " +
        "or services with their ports; srv for names that begin with an underscore",
    },
    {
      name: "dns-port",
      type: "int",
      default: 8000,
      range: PORT,
      help: "Port of engines whose name says no other, but for services",
    },
    {
      name: "dns-servers",
      type: "list",
      help: "Servers that are asked: addresses, with ports where these are not 53, in brackets " +
        "where of IPv6; names are whole then. Those of /etc/resolv.conf when not given, with its " +
        "search list and options",
    },
    {
      name: "dns-min-ttl",
      type: "seconds",
      default: 1,
      range: PERIOD,
      help: "A name is asked for again when its TTL is over, but not sooner than after this",
    },
    {
      name: "dns-max-ttl",
      type: "seconds",
      default: 30,
      range: PERIOD,
      help: "Nor later than after this",
    },
    {
      name: "dns-stale",
      type: "seconds",
      default: 30,
      range: [0, 604_800],
      help:
        "How long the engines of a name stay that does not exist any more (NXDOMAIN). They stay " +
        "without end while no server answers",
    },
  ],
} as const satisfies FlagGroup & { readonly flags: readonly Flag[] };
