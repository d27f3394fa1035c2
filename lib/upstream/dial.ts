/**
 * Opens connections to engines: TCP, or TLS over it.
 * @module
 */
import {
  type AbortWatch,
  addressProblem,
  type Clock,
  describeError,
  type RouterError,
} from "../base/mod.ts";
import { clientTls, type ClientTlsOptions, type TlsPair } from "../tls/mod.ts";
import type { Origin } from "./origin.ts";
import { aborted, shuttingDown, unreachable } from "./problems.ts";

/** The part of a connection that HTTP needs. Closing it ends pending reads and writes. */
export interface Socket {
  /** Bytes read into `target`, or null at the end. */
  read(target: Uint8Array): Promise<number | null>;
  /** Bytes of `data` that were written. */
  write(data: Uint8Array): Promise<number>;
  close(): void;
}

/** Connects to an origin; gives up when `signal` aborts. */
export type Dial = (origin: Origin, signal: AbortSignal) => Promise<Socket>;

/** How an engine and the router know each other, beside authorities. */
export interface DialOptions {
  /** The certificate that is shown to `https` engines, as it is at the moment. */
  readonly clientPair?: (() => TlsPair) | undefined;
  /** What `https` engines must prove to be, in place of their URL's host. */
  readonly serverName?: string | undefined;
  /** Refuse connections that have led to a link-local address or a metadata service. */
  readonly refuseLinkLocal?: boolean | undefined;
}

/**
 * The platform's sockets.
 * @param caCerts Certificates in PEM form to be trusted beside the usual ones; with a certificate of
 * our own, in place of them.
 */
export function platformDial(caCerts: readonly string[], options: DialOptions = {}): Dial {
  const { clientPair, serverName, refuseLinkLocal = false } = options;
  return async (origin, signal) => {
    const { hostname, port } = origin;
    const tcp = await openTcp(hostname, port, signal);
    if (refuseLinkLocal) refuseAddress(tcp);
    tcp.setNoDelay(true);
    if (!origin.secure) return tcp;
    const name = serverName ?? hostname;
    return clientPair === undefined
      ? await startTls(tcp, name, caCerts, signal)
      : await showTls(tcp, { ...clientPair(), serverName: name, caCerts }, signal);
  };
}

/**
 * Closes a connection, and throws, where it has led to a link-local address or a metadata service: a
 * name may lead to any address, and this is the first moment in which it is known to which.
 */
export function refuseAddress(tcp: {
  readonly remoteAddr: { readonly hostname: string };
  close(): void;
}): void {
  const { hostname } = tcp.remoteAddr;
  const what = addressProblem(hostname);
  if (what === undefined) return;
  tcp.close();
  throw new Error(`its address, ${hostname}, is ${what} (--allow-link-local-engines allows it)`);
}

/** TLS with a certificate of our own on an open connection. */
async function showTls(
  tcp: Deno.TcpConn,
  options: ClientTlsOptions,
  signal: AbortSignal,
): Promise<Socket> {
  const close = (): void => closeConn(tcp);
  signal.addEventListener("abort", close);
  try {
    return await clientTls(tcp, options);
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/**
 * A TCP connection; gives up when `signal` aborts. `Deno.connect` looks at its signal once more when
 * the connection is there, and throws without closing it. It is given one that does not throw, so
 * that a connection made in that moment arrives here.
 */
export async function openTcp(
  hostname: string,
  port: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  signal.throwIfAborted();
  const cancel = new AbortController();
  Object.defineProperty(cancel.signal, "throwIfAborted", { value: () => {} });
  const onAbort = (): void => cancel.abort();
  signal.addEventListener("abort", onAbort);
  try {
    return await Deno.connect({ hostname, port, signal: cancel.signal });
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/**
 * TLS on an open connection. `Deno.startTls`, not `Deno.connectTls`: it leaves the TCP stage to
 * `Deno.connect`, which can be given up.
 */
async function startTls(
  tcp: Deno.TcpConn,
  hostname: string,
  caCerts: readonly string[],
  signal: AbortSignal,
): Promise<Socket> {
  let open: Deno.Conn = tcp;
  const close = (): void => closeConn(open);
  signal.addEventListener("abort", close);
  try {
    const alpnProtocols = ["http/1.1"];
    const tls = await Deno.startTls(tcp, { hostname, caCerts: [...caCerts], alpnProtocols });
    open = tls;
    signal.throwIfAborted();
    await tls.handshake();
    return tls;
  } catch (error) {
    close();
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}

function closeConn(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch (error) {
    // Closed already, or taken over by a TLS setup that has failed and closed it.
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Limits of one connection attempt. */
export interface ConnectOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** The request's signal. */
  readonly signal: AbortWatch | undefined;
  /** Aborted when the client is disposed. */
  readonly closing: AbortSignal;
}

/**
 * Connects within the limits. Rejects with `RouterError`: `upstream-unreachable`, `client-gone`
 * or `shutting-down`. A connection that arrives after that is closed.
 */
export function connect(dial: Dial, origin: Origin, options: ConnectOptions): Promise<Socket> {
  const { clock, timeoutMs, signal, closing } = options;
  return new Promise((resolve, reject) => {
    const attempt = new AbortController();
    const giveUp = (error: RouterError): void => {
      settle();
      reject(error);
      attempt.abort(error);
    };
    const onAbort = (): void => giveUp(aborted(origin, signal?.reason));
    const onClosing = (): void => giveUp(shuttingDown(origin));
    const onTimeout = (): void => giveUp(unreachable(origin, `not connected in ${timeoutMs} ms`));
    const timer = clock.after(timeoutMs, onTimeout);
    const settle = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
      closing.removeEventListener("abort", onClosing);
    };
    signal?.addEventListener("abort", onAbort);
    closing.addEventListener("abort", onClosing);
    dial(origin, attempt.signal).then((socket) => {
      if (attempt.signal.aborted) return socket.close();
      settle();
      resolve(socket);
    }, (error) => {
      // After giving up this settles nothing: the reason has been reported.
      settle();
      reject(unreachable(origin, reasonOf(error), error));
    });
  });
}

/** `connection refused` out of `Connection refused (os error 111)`. */
function reasonOf(error: unknown): string {
  const text = describeError(error).replace(/ \(os error \d+\)/g, "");
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
