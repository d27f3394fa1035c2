/**
 * Asks DNS servers where names are.
 *
 * Knows nothing of engines; remembers no answers.
 * @module
 */
export type { RecordType } from "./message.ts";
export {
  type DnsDatagrams,
  type DnsNet,
  type DnsStream,
  platformDnsNet,
  RESOLV_CONF,
} from "./net.ts";
export { askingOnly, type DnsServer, type ResolvConf } from "./resolv_conf.ts";
export { type Place, type Resolution, Resolver, type ResolverDeps } from "./resolver.ts";
