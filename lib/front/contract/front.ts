/** What accepts clients, and what it hands on of a request: the same for every front. @module */
import type { AbortWatch, SpareDescriptor } from "../../base/mod.ts";
import type { Answer } from "../../request/mod.ts";
import type { ServerTls } from "../../tls/mod.ts";
import type { HeaderField } from "../../upstream/mod.ts";

/** A request's header fields, under lower-case names. */
export interface FrontHeaders extends Iterable<HeaderField> {
  /** The value of a field by lower-case name, several joined by ", "; undefined when absent. */
  get(name: string): string | undefined;
}

/** A request's body, read as it arrives. */
export interface FrontBody {
  /** Its announced length in bytes; 0 for none, undefined where only its end will tell. */
  readonly length: number | undefined;
  /**
   * The next bytes, the caller's to keep; undefined at the end. Bytes that stand at their place in a
   * buffer as long as the body bring all of that buffer: the caller may put there what came before, whose
   * own buffers are its to give back then.
   * Rejects with `RouterError`:
   * `client-gone` when the client leaves before the end, `bad-request` for a framing that is none,
   * `client-timeout` when it sends nothing for too long; and so again once it has rejected.
   */
  read(): Promise<Uint8Array | undefined>;
  /** All of it, the caller's to keep, where it has come already: it need not be read then. */
  readonly here?: Uint8Array;
}

/** A request whose head has arrived. */
export interface FrontRequest {
  /** As sent: methods are case-sensitive. */
  readonly method: string;
  /**
   * The target as sent, path and query, e.g. `/v1/models?a=b`: not resolved, not decoded. Of an
   * absolute form its path and query. Nothing else of a request, its `Host` least, is in it.
   */
  readonly target: string;
  readonly headers: FrontHeaders;
  readonly body: FrontBody;
  /** Where the connection comes from. */
  readonly remote: { readonly hostname: string; readonly port: number };
  /** Aborts when the client has gone, before its answer is complete. */
  readonly signal: AbortWatch;
}

/**
 * Answers a request; what it rejects with is a fault (`FrontOptions.onFault`). The answer's framing,
 * `Date` and `Connection` are the front's; a body that is a source is read only as fast as the client
 * takes it, cancelled when the client leaves or takes nothing for too long, and where its reading
 * rejects the connection is broken, so that the client sees that the body is cut short. The rest of a
 * request's body that was not read is passed over or its connection closed.
 */
export type FrontHandler = (request: FrontRequest) => Promise<Answer>;

/** Limits towards clients. Durations in milliseconds. */
export interface FrontLimits {
  /** From a connection's first byte, or the end of the last answer, to the end of a head. */
  readonly headMs: number;
  /** Longest wait for the next byte of a request's body. */
  readonly bodyIdleMs: number;
  /** Longest time in which a client may take nothing of an answer that is there. */
  readonly writeIdleMs: number;
  /** Longest time a connection stays open between requests, and before its first. */
  readonly keepAliveMs: number;
  /** Connections in all, and from one address. */
  readonly maxConnections: number;
  readonly maxPerAddress: number;
  /**
   * Requests on one connection, where the front knows connections; it is closed behind the last.
   * @default no limit
   */
  readonly maxRequests?: number;
}

/** What clients that connect by TLS are served with. */
export type FrontTls = ServerTls;

/** An answer that is there as a whole. */
export type WholeAnswer = Answer & { readonly body: Uint8Array };

/** How the limit of connections from one address is one for several routers. */
export interface AddressSharing {
  /** Connections from `address` that others have. */
  of(address: string): number;
  /** This router has `connections` from `address`: 0 when there are none any more. */
  changed(address: string, connections: number): void;
}

/** What a front is started with. */
export interface FrontOptions {
  readonly hostname: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly limits: FrontLimits;
  readonly tls?: FrontTls;
  /**
   * The address that a request counts under, where proxies in front are known.
   * @default the connection's own
   */
  readonly addressOf?: (request: Pick<FrontRequest, "method" | "headers" | "remote">) => string;
  /** Absent where the limit is this router's alone. */
  readonly sharing?: AddressSharing | undefined;
  /** The answer in place of one that cannot be sent, e.g. for a field that no answer may carry. */
  readonly onFault: (error: unknown) => Answer;
  /** Asked for a descriptor where there is none to listen with. */
  readonly spare?: SpareDescriptor;
  /**
   * The answer to a client that the front turns away: what it has sent is no request, or there are too
   * many. `why` says so in words for the client, and repeats nothing that it has sent.
   * @default one of the front's own
   */
  readonly onRefusal?: (status: number, why: string) => WholeAnswer;
  /** Told of what happens to clients, for metrics and logs. Must not throw. */
  readonly onEvent?: (event: FrontEvent) => void;
}

/** What happens at the edge besides requests. */
export type FrontEvent =
  /** A connection was refused or closed: too many, or too slow. */
  | {
    readonly kind: "refused" | "timed-out";
    readonly why: "connections" | "address" | "head" | "body" | "write" | "idle" | "malformed";
  }
  /** Accepting fails, e.g. for want of descriptors, and is tried again; then it works again. */
  | { readonly kind: "not-accepting"; readonly error: unknown }
  | { readonly kind: "accepting" };

/** A front that accepts clients. */
export interface Front {
  readonly addr: { readonly hostname: string; readonly port: number };
  /** What keeps it from accepting at the moment; undefined for nothing. */
  readonly ailment: string | undefined;
  /** Connections open. */
  readonly connections: number;
  /** Resolves when it has stopped, rejects when it cannot go on. */
  readonly finished: Promise<void>;
  /**
   * Close connections that wait for a request, one at least, for want of descriptors; false when there
   * is none to close. Resolves once it has gone.
   */
  makeRoom(): Promise<boolean>;
  /** Accept no more; resolves when what is under way has ended. */
  shutdown(): Promise<void>;
  /** Cut everything off; resolves when nothing is left. */
  close(): Promise<void>;
}

/** Begins to accept; throws when the address cannot be had. */
export type StartFront = (options: FrontOptions, handler: FrontHandler) => Front;
