/** The platform's own HTTP server, as far as the front uses it. @module */
import type { TlsPair } from "../tls/mod.ts";
import type { DenoInfo } from "./deno_request.ts";
import type { Front } from "./contract/mod.ts";

/** The part of `Deno.serve`'s server used here. */
export interface PlatformServer {
  readonly addr: Front["addr"];
  /** Rejects when it can accept no more. */
  readonly finished: Promise<void>;
  /** Accept no more and close what is idle; resolves when its answers have ended. */
  shutdown(): Promise<void>;
}

/** What the platform's server is begun with. */
export interface PlatformServeOptions {
  readonly hostname: string;
  readonly port: number;
  /** Cuts its connections. */
  readonly signal: AbortSignal;
  /** With a certificate the port can be shared, or another server could not take it over. */
  readonly tls?: TlsPair | undefined;
}

/** Begins to serve; throws when the address cannot be had. */
export type PlatformServe = (
  options: PlatformServeOptions,
  handler: (request: Request, info: DenoInfo) => Promise<Response>,
) => PlatformServer;

/** `Deno.serve`, without a word on the console. */
export const platformServe: PlatformServe = ({ tls, ...options }, handler) => {
  const onListen = (): void => {};
  if (tls === undefined) return Deno.serve({ ...options, onListen }, handler);
  const { cert, key } = tls;
  return Deno.serve({ ...options, cert, key, reusePort: true, onListen }, handler);
};
