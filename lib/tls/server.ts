/** What clients are served TLS with, and what serves them. @module */
import type { Lease, SpareDescriptor } from "../base/mod.ts";
import type { TlsPair } from "./pair.ts";
import type { ByteSocket } from "./stream_socket.ts";

/** Certificates for clients that connect by TLS, in PEM form. */
export interface ServerTls extends TlsPair {
  /** Authorities: clients must show a certificate of one of them. Absent where they need none. */
  readonly clientCa?: string;
  /**
   * Have `listener` called with each pair that is to serve later connections, until the lease is given
   * back. Absent where nothing is renewed. What it throws says why the pair cannot be used.
   */
  readonly onRenewed?: (listener: (pair: TlsPair) => void) => Lease;
  /** Asked for a descriptor where there is none to listen with for a renewed pair. */
  readonly spare?: SpareDescriptor;
}

/** Where to listen. */
export interface TlsAddress {
  readonly hostname: string;
  /** 0 takes any free one. */
  readonly port: number;
  /**
   * Other processes may listen on it too.
   * @default false
   */
  readonly reusePort?: boolean;
}

/** An accepted connection of a client. */
export interface ServerSocket extends ByteSocket {
  readonly remoteAddr: { readonly hostname: string; readonly port: number };
  /** Resolves when the client is there, rejects when it is not let in. */
  handshake(): Promise<unknown>;
  /** Closing it in its handshake gives its descriptor back at once: not so with the platform's own. */
  readonly closesInHandshake: boolean;
}

/** Where connections come from. */
export interface TlsListener {
  readonly addr: { readonly hostname: string; readonly port: number };
  /**
   * The next connection. Rejects when there can be none at the moment, and once it is closed. For one
   * caller, who waits for it before the next.
   */
  accept(): Promise<ServerSocket>;
  close(): void;
}
