/** Which names are asked for, and how. @module */
import type { RawEngine } from "./raw_engine.ts";

/** Engines that are found by DNS. */
export interface DnsOptions {
  /** One at least. */
  readonly names: readonly DnsName[];
  /** Who is asked; none: those that the system asks. */
  readonly servers: readonly DnsAddress[];
  /** How long an answer holds at least, and at most. */
  readonly minTtlMs: number;
  readonly maxTtlMs: number;
  /** How long the engines of a name stay that does not exist any more. */
  readonly staleMs: number;
}

/** A name, and what its engines have in common. */
export interface DnsName {
  /** In lower case. */
  readonly name: string;
  readonly type: "a" | "aaaa" | "srv";
  /** Of engines whose record says none. */
  readonly port: number;
  readonly scheme: "http" | "https";
  readonly engine: Omit<RawEngine, "url">;
}

/** Where a DNS server is. */
export interface DnsAddress {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}
