/** A front whose port other processes share: the system spreads connections among them. @module */
import type { Clock } from "../base/mod.ts";
import {
  type FrontHandler,
  type FrontOptions,
  type Listen,
  type StartFront,
  startHttp1,
} from "../front/mod.ts";
import { listenTls } from "../tls/mod.ts";

/** Listens on a port that is shared. */
export function sharedListen(clock: Clock): Listen {
  return ({ hostname, port, spare, tls }) => {
    const address = { hostname, port, reusePort: true };
    if (tls === undefined) return Deno.listen(address);
    return listenTls(address, spare === undefined ? tls : { ...tls, spare }, clock);
  };
}

/**
 * The router's own server on ports that are shared. `around` may answer some of the requests to the
 * front on `port` by itself.
 */
export function sharedFront(
  clock: Clock,
  { port, around }: {
    readonly port: number;
    readonly around: (handler: FrontHandler) => FrontHandler;
  },
): StartFront {
  const listen = sharedListen(clock);
  return (options: FrontOptions, handler) =>
    startHttp1(options, options.port === port ? around(handler) : handler, { clock, listen });
}
