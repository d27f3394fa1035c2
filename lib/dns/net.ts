/** Sockets to DNS servers: what is needed of them, and the platform's. @module */
import { openTcp } from "../upstream/mod.ts";
import type { DnsServer } from "./resolv_conf.ts";

/** A datagram socket; closing it again does nothing. It is on a port that nobody foresees. */
export interface DnsDatagrams extends Disposable {
  send(bytes: Uint8Array, to: DnsServer): Promise<void>;
  /** The next datagram, whoever sent it; throws once the socket is closed. */
  receive(): Promise<{ readonly bytes: Uint8Array; readonly from: DnsServer }>;
}

/** A connection to a server; closing it again does nothing. */
export interface DnsStream extends Disposable {
  /** As `Deno.Conn.read`. */
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
}

/** Opens sockets. */
export interface DnsNet {
  /** For servers of IPv6, or of IPv4. */
  datagrams(v6: boolean): DnsDatagrams;
  /** Gives up when `signal` aborts. */
  connect(server: DnsServer, signal: AbortSignal): Promise<DnsStream>;
  /** The text of `/etc/resolv.conf`; throws where it cannot be read. */
  resolvConf(): string;
}

/** Where the system says who is asked. */
export const RESOLV_CONF = "/etc/resolv.conf";

/** Room for more than any server sends that heeds the size it is told. */
const DATAGRAM_BYTES = 4096;

/** The platform's sockets and file. */
export function platformDnsNet(): DnsNet {
  return {
    datagrams(v6) {
      const hostname = v6 ? "::" : "0.0.0.0";
      const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
      const close = once(() => socket.close());
      return {
        async send(bytes, { host: hostname, port }) {
          await socket.send(bytes, { transport: "udp", hostname, port });
        },
        async receive() {
          const [bytes, from] = await socket.receive(new Uint8Array(DATAGRAM_BYTES));
          if (from.transport !== "udp") throw new TypeError("A datagram from elsewhere");
          return { bytes, from: { host: from.hostname, port: from.port } };
        },
        [Symbol.dispose]: close,
      };
    },
    async connect({ host, port }, signal) {
      const tcp = await openTcp(host, port, signal);
      return {
        read: (into) => tcp.read(into),
        write: (bytes) => tcp.write(bytes),
        [Symbol.dispose]: once(() => tcp.close()),
      };
    },
    resolvConf: () => Deno.readTextFileSync(RESOLV_CONF),
  };
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (!done) run();
    done = true;
  };
}
