/** Networks of IP addresses, as `10.0.0.0/8` names them. @module */
import { addressText, type IpAddress, isMapped, parseAddress, parseRaw } from "./ip.ts";

/** The addresses of one family whose first `prefix` bits are those of `address`. */
export interface Network {
  /** The others of its bits are 0. */
  readonly address: IpAddress;
  /** 0 to 32 of IPv4, 0 to 128 of IPv6. */
  readonly prefix: number;
}

/** Bits in front of an IPv4 address that is mapped into IPv6. */
const MAPPED_BITS = 96;

/**
 * The network that `text`, `ADDRESS/BITS` or an address alone, names; undefined when it names none. Of
 * the address the bits behind the prefix do not count. A network of mapped addresses is one of IPv4.
 */
export function parseNetwork(text: string): Network | undefined {
  const [name = "", bits, ...more] = text.split("/");
  const raw = parseRaw(name);
  if (raw === undefined || name.includes("%") || more.length > 0) return undefined;
  const most = raw.length * 8;
  if (bits !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(bits)) return undefined;
  const prefix = bits === undefined ? most : Number(bits);
  if (prefix > most) return undefined;
  const v4 = isMapped(raw) && prefix >= MAPPED_BITS;
  const address = v4 ? raw.slice(MAPPED_BITS / 8) : raw;
  const own = v4 ? prefix - MAPPED_BITS : prefix;
  return { address: address.map((byte, index) => byte & maskOf(own, index)), prefix: own };
}

/** The text of `network`, with its prefix. */
export function networkText({ address, prefix }: Network): string {
  return `${addressText(address)}/${prefix}`;
}

/** Whether `address` is of `network`; no IPv4 address is of a network of IPv6. */
export function isWithin(address: IpAddress, network: Network): boolean {
  if (address.length !== network.address.length) return false;
  for (let index = 0; index * 8 < network.prefix; index++) {
    const mask = maskOf(network.prefix, index);
    if (((address[index] ?? 0) & mask) !== network.address[index]) return false;
  }
  return true;
}

/** Whether `text` is an address of one of `networks`. */
export function isAmong(text: string, networks: readonly Network[]): boolean {
  if (networks.length === 0) return false;
  const address = parseAddress(text);
  return address !== undefined && networks.some((network) => isWithin(address, network));
}

/** Which bits of the byte at `index` belong to a prefix. */
function maskOf(prefix: number, index: number): number {
  const bits = Math.min(Math.max(prefix - index * 8, 0), 8);
  return (0xff << (8 - bits)) & 0xff;
}
