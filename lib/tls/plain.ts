/**
 * The platform's own TLS towards clients. Its listeners keep the certificate they began with: another
 * one takes the place of a listener on the same port, and what the one has accepted goes on.
 * @module
 */
import {
  type Clock,
  type Lease,
  type SpareDescriptor,
  takeWithSpare,
  type Timer,
} from "../base/mod.ts";
import type { TlsPair } from "./pair.ts";
import type { ServerSocket, ServerTls, TlsAddress, TlsListener } from "./server.ts";

/**
 * How long a listener that another has taken the place of still accepts, in milliseconds: closed at
 * once, it would cut off clients that the system has taken in and nobody has accepted yet.
 */
export const HANDOVER_MS = 20;

/** Begin to listen; throws when the address cannot be had, and when the certificate cannot be used. */
export function listenPlain(address: TlsAddress, tls: ServerTls, clock: Clock): TlsListener {
  return new PlainListener(address, tls, clock);
}

/** What a listener has to give: a connection, or why there is none at the moment. */
type Arrival =
  | { readonly kind: "conn"; readonly conn: Deno.TlsConn }
  | { readonly kind: "failed"; readonly error: unknown };

/** One arrival that waits for somebody to take it. */
interface Offer {
  readonly arrival: Arrival;
  readonly onTaken: () => void;
}

class PlainListener implements TlsListener {
  readonly addr: TlsListener["addr"];
  readonly #clock: Clock;
  readonly #spare: SpareDescriptor | undefined;
  readonly #renewal: Lease | undefined;
  /** Those that others have taken the place of end together. */
  #handover: Timer | undefined;
  /** All that accept, the one in force last. */
  readonly #listeners = new Set<Deno.TlsListener>();
  /** At most one of each listener. */
  readonly #offers: Offer[] = [];
  #taker: PromiseWithResolvers<ServerSocket> | undefined;

  constructor({ hostname, port, reusePort = false }: TlsAddress, tls: ServerTls, clock: Clock) {
    this.#clock = clock;
    this.#spare = tls.spare;
    // A port that can be shared is had also where another program has it.
    if (port !== 0 && !reusePort) checkFree(hostname, port);
    const { addr } = this.#begin({ hostname, port }, tls);
    this.addr = { hostname: addr.hostname, port: addr.port };
    this.#renewal = tls.onRenewed?.((pair) => this.#renew(pair));
  }

  accept(): Promise<ServerSocket> {
    if (this.#listeners.size === 0) return Promise.reject(closed());
    this.#taker ??= Promise.withResolvers();
    const { promise } = this.#taker;
    this.#match();
    return promise;
  }

  close(): void {
    this.#renewal?.release();
    this.#handover?.cancel();
    for (const listener of this.#listeners) this.#end(listener);
    for (const { arrival, onTaken } of this.#offers.splice(0)) {
      if (arrival.kind === "conn") arrival.conn.close();
      onTaken();
    }
    this.#taker?.reject(closed());
    this.#taker = undefined;
  }

  #renew(pair: TlsPair): void {
    const before = [...this.#listeners];
    takeWithSpare(() => this.#begin(this.addr, pair), this.#spare);
    this.#handover?.cancel();
    this.#handover = this.#clock.after(HANDOVER_MS, () => {
      for (const listener of before) this.#end(listener);
    });
  }

  #begin({ hostname, port }: TlsAddress, { cert, key }: TlsPair): Deno.TlsListener {
    const alpnProtocols = ["http/1.1"];
    const options = { hostname, port, cert, key, alpnProtocols, reusePort: true };
    const listener = Deno.listenTls(options);
    this.#listeners.add(listener);
    this.#acceptAll(listener);
    return listener;
  }

  #end(listener: Deno.TlsListener): void {
    if (this.#listeners.delete(listener)) listener.close();
  }

  /** Never rejects. */
  async #acceptAll(listener: Deno.TlsListener): Promise<void> {
    while (this.#listeners.has(listener)) {
      const arrival = await listener.accept().then(
        (conn) => ({ kind: "conn", conn }) as const,
        (error: unknown) => ({ kind: "failed", error }) as const,
      );
      if (arrival.kind === "failed" && !this.#listeners.has(listener)) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#offers.push({ arrival, onTaken: resolve });
      this.#match();
      await promise;
    }
  }

  #match(): void {
    const taker = this.#taker;
    const [offer] = this.#offers;
    if (taker === undefined || offer === undefined) return;
    this.#offers.shift();
    this.#taker = undefined;
    const { arrival, onTaken } = offer;
    if (arrival.kind === "conn") taker.resolve(serverSocket(arrival.conn));
    else taker.reject(arrival.error);
    onTaken();
  }
}

/** Throws when the port is somebody's: also a listener that shares its port may be alone on it. */
export function checkFree(hostname: string, port: number): void {
  Deno.listen({ hostname, port }).close();
}

function serverSocket(conn: Deno.TlsConn): ServerSocket {
  const { hostname, port } = conn.remoteAddr as Deno.NetAddr;
  return {
    remoteAddr: { hostname, port },
    closesInHandshake: false,
    handshake: () => conn.handshake(),
    read: (target) => conn.read(target),
    write: (data) => conn.write(data),
    closeWrite: () => conn.closeWrite(),
    close: () => conn.close(),
  };
}

function closed(): Error {
  return new Deno.errors.BadResource("The listener is closed");
}
