/**
 * TLS towards a server that wants to see a certificate of ours.
 *
 * `Deno.startTls` of Deno 2.9 shows none, and `Deno.connectTls`, which does, cannot ask for another name
 * than it connects to, and cannot be given up. So this is Node's TLS on a connection that is there.
 * @module
 */
import { connect } from "node:tls";
import { isIP } from "node:net";
import { ConnStream, type StreamConn } from "./conn_stream.ts";
import type { TlsPair } from "./pair.ts";
import { type ByteSocket, streamSocket } from "./stream_socket.ts";

/** How to shake hands. */
export interface ClientTlsOptions extends TlsPair {
  /** The name, or address, that the server must prove. */
  readonly serverName: string;
  /** Authorities in PEM form that count, and no others; the usual ones where there are none. */
  readonly caCerts: readonly string[];
}

/**
 * Shake hands on `conn`, which belongs to the socket from here on, and is closed when it fails. Rejects
 * when the server cannot prove its name, and when `conn` is closed meanwhile.
 */
export function clientTls(conn: StreamConn, options: ClientTlsOptions): Promise<ByteSocket> {
  const { cert, key, serverName, caCerts } = options;
  return new Promise((resolve, reject) => {
    const raw = new ConnStream(conn);
    const stream = connect({
      socket: raw,
      // The name that is checked; only names are told to the server (RFC 6066 section 3).
      host: serverName,
      ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
      ...(caCerts.length === 0 ? {} : { ca: [...caCerts] }),
      cert,
      key,
      minVersion: "TLSv1.2",
      ALPNProtocols: ["http/1.1"],
      rejectUnauthorized: true,
    });
    const onClose = (): void => fail(new Error("The connection was closed in the handshake"));
    // Node's TLS waits on for a server that has left in the handshake.
    raw.once("end", onClose);
    raw.once("close", onClose);
    const fail = (error: Error): void => {
      stream.destroy();
      raw.abandon();
      reject(error);
    };
    stream.once("error", fail);
    stream.once("close", onClose);
    stream.once("secureConnect", () => {
      if (!stream.authorized) return fail(new Error("The server's certificate is not authorized"));
      const socket = streamSocket(stream, raw);
      stream.off("error", fail);
      stream.off("close", onClose);
      raw.off("end", onClose);
      raw.off("close", onClose);
      resolve(socket);
    });
  });
}
