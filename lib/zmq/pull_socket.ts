/** What the router needs of a ZeroMQ PULL socket: an address to bind, messages to iterate. @module */
import { type Clock, describeError, type DescriptorSource, type Network } from "../base/mod.ts";
import type { Demand } from "./demand.ts";

/** Where to listen: a numeric address, `localhost` or `*`, and a port, 0 for any free one. */
export interface PullAddress {
  readonly host: string;
  readonly port: number;
}

/** A bound PULL socket. Disposing it ends `frames` and frees the port before it resolves. */
export interface PullSocket extends AsyncDisposable {
  /** As peers connect to it, e.g. `tcp://0.0.0.0:7500`. */
  readonly endpoint: string;
  /** The port bound, also when any was asked for. */
  readonly port: number;
  /** PUSH peers connected at the moment. */
  peers(): number;
  /**
   * Messages of all peers, each as its frames; in order for each peer. For one consumer, which
   * owns the bytes. Ends when the socket is disposed, throws when it can receive no more.
   */
  frames(): AsyncIterable<readonly Uint8Array[]>;
}

/** What happens to the peers of a socket. `peer` is `address:port`, or `unknown` to the socket. */
export type PeerEvent =
  /** Its handshake is complete. */
  | { readonly kind: "joined"; readonly peer: string }
  /** It went by itself, or its connection broke: then with the reason. */
  | { readonly kind: "left"; readonly peer: string; readonly reason?: string }
  /** Dropped or refused by this side. A ZeroMQ peer connects again by itself. */
  | { readonly kind: "rejected"; readonly peer: string; readonly reason: string }
  /** Not let in: its address is not among those allowed, or has too many connections. */
  | {
    readonly kind: "refused";
    readonly peer: string;
    readonly why: PeerRefusal;
    readonly reason: string;
    /** Told by another process, which has counted and logged it. */
    readonly echo?: true;
  };

/** Why a peer is not let in, as a metric label. */
export type PeerRefusal = "not_allowed" | "per_address";

/** Which peers are let in. */
export interface PeerLimits {
  /** Where they come from; empty for anywhere. */
  readonly allow: readonly Network[];
  /** Connections of one address; infinite where there is no bound. */
  readonly maxPerAddress: number;
}

/** How a socket is bound. */
export interface BindOptions {
  readonly clock: Clock;
  /** Must not throw. */
  readonly onPeer?: (event: PeerEvent) => void;
  /** @default all are let in */
  readonly peers?: PeerLimits | undefined;
  /**
   * Whether anybody waits for a message; a socket that must look for messages does so less often
   * when nobody does.
   * @default ALWAYS
   */
  readonly demand?: Demand;
  /**
   * Connections held; further ones are refused. A socket of libzmq has no such bound.
   * @default MAX_CONNECTIONS
   */
  readonly maxConnections?: number;
  /** Asked for room where a connection finds no descriptor; not by a socket of libzmq. */
  readonly descriptors?: DescriptorSource;
}

/** Binds a PULL socket; rejects with an error that names the address and the cause. */
export type BindPull = (address: PullAddress, options: BindOptions) => Promise<PullSocket>;

/** `tcp://host:port`, with brackets around an IPv6 address. */
export function endpointOf(host: string, port: number): string {
  return `tcp://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/**
 * The host to listen on, as the platform wants it: without brackets, `*` as all IPv4 addresses,
 * `localhost` as `127.0.0.1` (and not whichever family the resolver prefers).
 */
export function listenHost(host: string): string {
  if (host === "*") return "0.0.0.0";
  if (host === "localhost") return "127.0.0.1";
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

/** Throws the error of a failed bind for a port there cannot be. */
export function checkPort(address: PullAddress): void {
  const { port } = address;
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return;
  throw bindError(address, new RangeError("the port must be 0 to 65535"));
}

/** The error of a failed bind, with what to do about it. */
export function bindError({ host, port }: PullAddress, cause: unknown): Error {
  const where = endpointOf(listenHost(host), port);
  return new Error(`Cannot bind the KV-ready socket to ${where}: ${bindProblem(cause)}`, { cause });
}

/** What to do about a failed bind, by Deno's class of the error and by the code of libzmq's. */
const BIND_PROBLEMS = [
  {
    type: Deno.errors.AddrInUse,
    code: "EADDRINUSE",
    problem: "address already in use (choose another port with --nixl-proxy-port)",
  },
  {
    type: Deno.errors.AddrNotAvailable,
    code: "EADDRNOTAVAIL",
    problem: "not an address of this machine (see --nixl-proxy-host)",
  },
  {
    type: Deno.errors.PermissionDenied,
    code: "EACCES",
    problem: "permission denied (choose a port above 1023 with --nixl-proxy-port)",
  },
] as const;

function bindProblem(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const known = BIND_PROBLEMS.find((row) => cause instanceof row.type || code === row.code);
  return known?.problem ??
    `${describeError(cause)} (see --nixl-proxy-host and --nixl-proxy-port)`;
}
