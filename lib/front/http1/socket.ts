/** What the server asks of the platform. @module */
import { type Clock, takeWithSpare } from "../../base/mod.ts";
import { listenTls } from "../../tls/mod.ts";
import type { FrontOptions } from "../contract/mod.ts";

/** An accepted connection. Closing it ends pending reads and writes. */
export interface FrontSocket {
  readonly remoteAddr: { readonly hostname: string; readonly port: number };
  /** Bytes read into `target`, or null at the end. */
  read(target: Uint8Array): Promise<number | null>;
  /** Bytes of `data` that were written. */
  write(data: Uint8Array): Promise<number>;
  /** No more will be written; reading goes on. */
  closeWrite(): Promise<void>;
  close(): void;
  /** Of TCP only: small writes leave at once. */
  setNoDelay?(noDelay: boolean): void;
  /** Of TLS only: resolves when the client is there. */
  handshake?(): Promise<unknown>;
  /** Of TLS only: closing it before that gives its descriptor back at once. */
  readonly closesInHandshake?: boolean;
}

/** Where connections come from. */
export interface FrontListener {
  readonly addr: { readonly hostname: string; readonly port: number };
  /** The next connection. Rejects when there can be none at the moment, and once it is closed. */
  accept(): Promise<FrontSocket>;
  close(): void;
}

/** Begins to listen; throws when the address cannot be had. */
export type Listen = (
  options: Pick<FrontOptions, "hostname" | "port" | "spare" | "tls">,
) => FrontListener;

/**
 * Connections that the kernel holds until they are accepted, or as many as it is let. Whoever comes
 * beyond it is not refused but tries again after a second, after three, after seven.
 */
const BACKLOG = 4096;

/** The platform's sockets, and TLS on them. */
export function platformListen(clock: Clock): Listen {
  return ({ hostname, port, spare, tls }) => {
    const address = { hostname, port, tcpBacklog: BACKLOG };
    if (tls === undefined) return takeWithSpare(() => Deno.listen(address), spare);
    return listenTls(address, spare === undefined ? tls : { ...tls, spare }, clock);
  };
}

/** Closes what may have been closed already. */
export function closeQuietly(closable: { close(): void }): void {
  try {
    closable.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
