/** Who may come in, and how the router and its peers know each other. @module */
import type { Network } from "../base/mod.ts";
import type { PROTECTABLE } from "./flags_doors.ts";

/** Files of a certificate, with its chain, and of its private key, in PEM form. */
export interface PairFiles {
  readonly cert: string;
  readonly key: string;
}

/** What clients must know, and where they are asked. */
export interface KeyOptions {
  /** SHA-256, in hexadecimal digits, of keys that were given one by one. */
  readonly given: readonly string[];
  /** A file of keys with names and limits. */
  readonly file?: string;
  /** Endpoints of the router's own that need no key. */
  readonly open: readonly (typeof PROTECTABLE)[number][];
}

/** Everything about doors. */
export interface DoorOptions {
  readonly keys: KeyOptions;
  /** Absent where clients are not served TLS. */
  readonly tls?: PairFiles & {
    /** PEM file of authorities of the certificates that clients must show. */
    readonly clientCa?: string;
  };
  /** How the router is known to `https` engines, and they to it. */
  readonly engineTls: {
    readonly client?: PairFiles;
    readonly serverName?: string;
  };
  readonly allowLinkLocalEngines: boolean;
  readonly notifications: {
    /** Empty for all. */
    readonly allow: readonly Network[];
    /** Connections; infinite where there is no bound of its own. */
    readonly maxPerAddress: number;
  };
  /** Whose forwarding fields are believed. */
  readonly trustedProxies: readonly Network[];
}
