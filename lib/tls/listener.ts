/** Listens for clients that connect by TLS; a renewed certificate serves later connections. @module */
import type { Clock } from "../base/mod.ts";
import { listenMutual } from "./mutual.ts";
import { listenPlain } from "./plain.ts";
import type { ServerTls, TlsAddress, TlsListener } from "./server.ts";

/** Begin to listen; throws when the address cannot be had, and when the certificate cannot be used. */
export function listenTls(address: TlsAddress, tls: ServerTls, clock: Clock): TlsListener {
  const { hostname, port, reusePort = false } = address;
  const { clientCa } = tls;
  return clientCa === undefined
    ? listenPlain(address, tls, clock)
    : listenMutual(Deno.listen({ hostname, port, reusePort }), { ...tls, clientCa });
}
