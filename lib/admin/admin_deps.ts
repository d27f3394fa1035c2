/** What the admin API works with, and what is asked of it. @module */
import type { Logger } from "../base/mod.ts";
import type { EngineBook, ManualSource } from "../discovery/mod.ts";
import type { KeyStore } from "../doors/mod.ts";
import type { Fleet, FleetWaits } from "../fleet/mod.ts";
import type { EngineRow } from "../http/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import type { Kept, LiveFeed, ViewDeps } from "../observe/mod.ts";
import type { ByteSource } from "../request/mod.ts";

/** What came of reading the configuration again: settings by name. */
export interface ReloadTold {
  readonly result: "applied" | "unchanged" | "refused";
  readonly applied: readonly string[];
  /** They need another start. */
  readonly restart: readonly string[];
  /** Why it was refused. */
  readonly problems: readonly string[];
}

/** Reads the configuration again. */
export type AdminReload = () => Promise<ReloadTold>;

/** One router's parts. */
export interface AdminDeps {
  readonly log: Logger;
  readonly metrics: Pick<Metrics, "count">;
  readonly book: Pick<EngineBook, "entries" | "find" | "sources" | "drain" | "patch" | "faultOf">;
  /** The engines that were added here; the book follows it. */
  readonly manual: ManualSource;
  readonly fleet: Pick<Fleet, "live">;
  readonly waits: Pick<FleetWaits, "until">;
  /** What `/engines` tells, by id and with addresses. */
  readonly rows: () => ReadonlyMap<string, EngineRow>;
  /** Absent where no key is asked for. */
  readonly keys?: Pick<KeyStore, "find"> | undefined;
  /** Nobody but this machine reaches the listener: other names of it are somebody's trick. */
  readonly loopback: boolean;
  /** The name or address that it was told to listen on. */
  readonly host?: string | undefined;
  /** Absent where there is nothing to read again. */
  readonly reload?: AdminReload | undefined;
  /** The requests that are known, and how they are told. */
  readonly kept: Kept;
  readonly view: ViewDeps;
  readonly live: Pick<LiveFeed, "open">;
  /** The router's. */
  readonly version: string;
  /** Set where other routers are seen as one with this one: all of them do what is asked. */
  readonly everywhere?: Everywhere | undefined;
}

/** What is asked of every router: the operation's id, and what it is given. */
export interface AskedEverywhere extends Omit<AdminAsk, "query" | "signal"> {
  readonly operation: string;
  readonly query: readonly (readonly [name: string, value: number | boolean | string])[];
}

/** Has all routers do it, this one too; rejects with `RouterError` where it does not go well. */
export type Everywhere = (asked: AskedEverywhere, signal: AbortSignal) => Promise<JsonAnswer>;

/** A request that was let in and is right in its form. */
export interface AdminAsk {
  /** What the path names, decoded; empty for nothing. */
  readonly id: string;
  /** Parameters that were given, checked by the operation's table. */
  readonly query: ReadonlyMap<string, number | boolean | string>;
  /** The JSON value; undefined for none. */
  readonly body: unknown;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
  /** Who asks, for the log: an address, and the name of a key where keys are asked for. */
  readonly by: string;
}

/** What is answered as JSON. */
export interface JsonAnswer {
  readonly status: number;
  readonly value: unknown;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

/** What is answered: JSON, or a stream of events. */
export type AdminAnswer = JsonAnswer | { readonly events: ByteSource };
