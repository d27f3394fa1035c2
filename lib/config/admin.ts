/** Where the admin API listens, and who may use it. @module */
import { parseAddress } from "../base/mod.ts";

/** The admin API of a router. */
export interface AdminOptions {
  /** Port 0 takes any free one. */
  readonly listen: AdminAddress;
  /** Nobody but this machine reaches it there. */
  readonly loopback: boolean;
  readonly keys: {
    /** SHA-256, in hexadecimal digits, of keys that were given one by one. */
    readonly given: readonly string[];
    /** A file of keys with names. */
    readonly file?: string;
  };
}

/** An address to listen on; that of IPv6 without brackets. */
export interface AdminAddress {
  readonly host: string;
  readonly port: number;
}

/** Whether `host`, a name or an address without brackets, is of this machine alone. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, "");
  if (name === "localhost") return true;
  const address = parseAddress(name);
  if (address === undefined) return false;
  if (address.length === 4) return address[0] === 127;
  return address.every((byte, index) => byte === (index === address.length - 1 ? 1 : 0));
}
