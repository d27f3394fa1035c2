/**
 * TLS towards clients that must show a certificate.
 *
 * `Deno.listenTls` and `Deno.serve` of Deno 2.9 cannot ask for one; Node's TLS server can, and it works on
 * connections that the platform has accepted. Writes cost it some 25 microseconds, four times what they
 * cost `Deno.listenTls`.
 * @module
 */
import { createServer, type TLSSocket } from "node:tls";
import type { Lease } from "../base/mod.ts";
import { ConnStream, type StreamConn } from "./conn_stream.ts";
import type { TlsPair } from "./pair.ts";
import type { ServerSocket, ServerTls, TlsListener } from "./server.ts";
import { type ByteSocket, streamSocket } from "./stream_socket.ts";

/** What is shown to clients, and whose certificates they must show. */
interface MutualTls extends TlsPair {
  readonly clientCa: string;
}

/** An accepted TCP connection. */
export interface AcceptedConn extends StreamConn {
  setNoDelay?(noDelay: boolean): void;
  readonly remoteAddr: { readonly hostname: string; readonly port: number };
}

/** The part of a TCP listener used here. */
export interface ConnListener {
  readonly addr: { readonly hostname: string; readonly port: number };
  accept(): Promise<AcceptedConn>;
  close(): void;
}

/** Begin to serve the connections of `listener`, which belongs to the result from here on. */
export function listenMutual(
  listener: ConnListener,
  tls: ServerTls & { readonly clientCa: string },
): TlsListener {
  return new MutualListener(listener, tls);
}

/** Each connection is served with the certificate of the moment. */
class MutualListener implements TlsListener {
  readonly addr: TlsListener["addr"];
  readonly #listener: ConnListener;
  readonly #renewal: Lease | undefined;
  readonly #clientCa: string;
  #pair: TlsPair;

  constructor(listener: ConnListener, tls: ServerTls & { readonly clientCa: string }) {
    this.#listener = listener;
    this.#clientCa = tls.clientCa;
    this.#pair = tls;
    const { hostname, port } = listener.addr;
    this.addr = { hostname, port };
    this.#renewal = tls.onRenewed?.((pair) => this.#pair = pair);
  }

  async accept(): Promise<ServerSocket> {
    const conn = await this.#listener.accept();
    conn.setNoDelay?.(true);
    const { cert, key } = this.#pair;
    return new MutualSocket(conn, { cert, key, clientCa: this.#clientCa });
  }

  close(): void {
    this.#renewal?.release();
    this.#listener.close();
  }
}

/** A connection of a client that proves who it is. */
class MutualSocket implements ServerSocket {
  readonly closesInHandshake = true;
  readonly remoteAddr: ServerSocket["remoteAddr"];
  readonly #stream: ConnStream;
  readonly #secured: Promise<ByteSocket>;

  constructor(conn: AcceptedConn, tls: MutualTls) {
    const { hostname, port } = conn.remoteAddr;
    this.remoteAddr = { hostname, port };
    this.#stream = new ConnStream(conn);
    this.#secured = secure(this.#stream, tls);
    // Whoever asks is told; whoever closes before does not ask.
    this.#secured.catch(() => {});
  }

  async handshake(): Promise<void> {
    await this.#secured;
  }

  async read(target: Uint8Array): Promise<number | null> {
    return await (await this.#secured).read(target);
  }

  async write(data: Uint8Array): Promise<number> {
    return await (await this.#secured).write(data);
  }

  async closeWrite(): Promise<void> {
    await (await this.#secured).closeWrite();
  }

  close(): void {
    this.#secured.then((socket) => socket.close(), () => {});
    this.#stream.abandon();
  }
}

/**
 * A server of its own for the one connection: it tells which connection its events are about, and is
 * made of the certificates of the moment.
 */
function secure(
  stream: ConnStream,
  { cert, key, clientCa }: MutualTls,
): Promise<ByteSocket> {
  return new Promise((resolve, reject) => {
    const server = createServer({
      cert,
      key,
      ca: clientCa,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: "TLSv1.2",
      ALPNProtocols: ["http/1.1"],
    });
    let secured = false;
    // It is handed over only once its certificate has been found good.
    server.once("secureConnection", (found: TLSSocket) => {
      secured = true;
      resolve(streamSocket(found, stream));
    });
    server.once("tlsClientError", (error: Error) => reject(error));
    stream.once("error", reject);
    // Node's TLS waits on for a client that has left in the handshake.
    stream.once("end", () => {
      if (!secured) stream.destroy();
    });
    stream.once("close", () => reject(new Error("The connection was closed in the handshake")));
    server.emit("connection", stream);
  });
}
